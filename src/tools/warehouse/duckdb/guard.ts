import { SignalboxError } from '../../../core/errors.ts';

/**
 * What a query may be, decided on the tree that DuckDB's own parser makes of it (`json_serialize_sql`), so that no trick of
 * comments, quotes or case can show us another query than the one that runs. The tree of a SELECT is all that this parser
 * gives out; everything else it refuses by itself. Pure.
 *
 * The settings of the instance refuse files, network and changes once more (instance.ts): this is the first of two locks.
 */

export const maximumSqlLength = 100_000;

/** Table functions that make rows out of their arguments alone. */
const allowedTableFunctions = new Set([
  'generate_series',
  'histogram',
  'histogram_values',
  'json_each',
  'json_tree',
  'range',
  'unnest',
]);

/**
 * Functions that tell about the process or its settings, keep state, wait, run SQL from a text, or make a huge value in one
 * step that the engine can neither count as memory nor interrupt.
 */
const refusedFunctions =
  /^(current_setting|getenv|getvariable|write_log|parse_duckdb_log_message|sleep_ms|pg_sleep|nextval|currval|setseed|get_block_size|current_(connection|query|transaction)_id|current_query|txid_current|inet_.*|json_(de)?serialize_.*|json_execute_.*|read_.*|glob|query|query_table|repeat|(list|array)_resize|pragma_.*|duckdb_.*|__internal_.*)$/i;

/** Functions whose arguments say how large the value becomes, and which of them do. Those must be small and written out. */
const sizedArguments: Readonly<Record<string, readonly number[]>> = {
  lpad: [1],
  rpad: [1],
  range: [0, 1],
  generate_series: [0, 1],
  bar: [3],
};
const maximumSize = 100_000;

/** Functions whose first argument is a pattern with widths in it. */
const patternFunctions = new Set(['printf', 'format']);

/** Views of the engine over itself; they can be named without a schema. */
const systemTables = /^(duckdb_|pragma_|pg_|sqlite_)/i;
const readableSchemas = new Set(['', 'main', 'information_schema']);

type Tree = Readonly<Record<string, unknown>>;

const refused = (seen: string) =>
  new SignalboxError(
    'query_refused',
    `${seen}. Expected one SELECT (WITH … SELECT included) over the tables of the warehouse; rewrite the query without it.`,
  );

const text = (value: unknown): string => (typeof value === 'string' ? value : '');

function refusalOfTable(node: Tree): string | undefined {
  const table = text(node.table_name);
  if (text(node.catalog_name) !== '') return `The query reads from the catalog ${text(node.catalog_name)}`;
  if (!readableSchemas.has(text(node.schema_name).toLowerCase()))
    return `The query reads from the schema ${text(node.schema_name)}`;
  if (systemTables.test(table)) return `The query reads ${table}, which tells about the engine`;
  if (/[./\\:*?]/.test(table)) return `The query reads "${table}", which looks like a file or an address`;
  return undefined;
}

const childrenOf = (node: Tree): readonly Tree[] => (Array.isArray(node.children) ? node.children : []);

/** The value of an argument that is written out; undefined for one that is computed. */
const writtenOut = (node: Tree | undefined): unknown =>
  node?.class === 'CONSTANT' ? (node.value as Tree | undefined)?.value : undefined;

function isOversized(name: string, node: Tree): boolean {
  const given = childrenOf(node);
  if (patternFunctions.has(name)) {
    const pattern = writtenOut(given[0]);
    return typeof pattern !== 'string' || /\d{5}|[*]|\{[^}]*\{/.test(pattern);
  }
  return (sizedArguments[name] ?? []).some((at) => {
    const size = writtenOut(given[at]);
    return given[at] !== undefined && !(typeof size === 'number' && Math.abs(size) <= maximumSize);
  });
}

function refusalOfFunction(node: Tree): string | undefined {
  const name = text(node.function_name).toLowerCase();
  if (refusedFunctions.test(name)) return `The query uses the function ${name}()`;
  if (node.class !== 'FUNCTION' || !isOversized(name, node)) return undefined;
  return `The query makes a value of unknown or enormous size with ${name}()`;
}

function refusalOfNode(node: Tree): string | undefined {
  switch (node.type) {
    case 'BASE_TABLE':
      return refusalOfTable(node);
    case 'SHOW_REF':
      return 'The query is a DESCRIBE, SHOW or SUMMARIZE';
    case 'TABLE_FUNCTION': {
      const name = text((node.function as Tree | undefined)?.function_name).toLowerCase();
      return allowedTableFunctions.has(name) ? undefined : `The query uses the table function ${name}()`;
    }
    default:
  }
  return refusalOfFunction(node);
}

/** A table function hands its rows out one by one: it is judged by its name, and only its arguments are looked into. */
function partsOf(node: object): readonly unknown[] {
  const { type, function: called } = node as Tree;
  const parts = Object.values(node);
  return type === 'TABLE_FUNCTION'
    ? [...parts.filter((part) => part !== called), childrenOf((called ?? {}) as Tree)]
    : parts;
}

/** The first thing in the tree that may not be there. */
function refusalOfTree(root: unknown): string | undefined {
  const open = [root];
  for (let node = open.pop(); node !== undefined; node = open.pop()) {
    if (typeof node !== 'object' || node === null) continue;
    const refusal = Array.isArray(node) ? undefined : refusalOfNode(node as Tree);
    if (refusal !== undefined) return refusal;
    open.push(...partsOf(node).filter((part) => typeof part === 'object' && part !== null));
  }
  return undefined;
}

function failureOfParser(tree: Tree): SignalboxError {
  const message = text(tree.error_message);
  if (tree.error_type !== 'parser') return refused('The query is not a SELECT');
  if (/CTE needs a SELECT|SELECT INTO/i.test(message)) return refused(message.replace(/[.!]$/, ''));
  return new SignalboxError('query_failed', `Parser Error: ${message}`);
}

/** Throws unless the parsed SQL is one SELECT that reads tables of the warehouse and nothing else. */
export function assertReadable(serialized: string): void {
  const tree = JSON.parse(serialized) as Tree;
  if (tree.error === true) throw failureOfParser(tree);
  const statements = tree.statements as readonly unknown[];
  if (statements.length !== 1) throw refused(`There are ${statements.length} statements`);
  const refusal = refusalOfTree(statements[0]);
  if (refusal !== undefined) throw refused(refusal);
}
