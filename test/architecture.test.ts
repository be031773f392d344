import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { describe, test } from 'node:test';

/**
 * The tree is the architecture. Each rule is a function from a source file to its faults; each has a twin below that shows
 * that it can fail.
 */
interface Source {
  /** From the root, with slashes. */
  readonly path: string;
  readonly text: string;
}

const root = join(import.meta.dirname, '..');
const sources: readonly Source[] = globSync('src/**/*.ts', { cwd: root }).map((path) => ({
  path,
  text: readFileSync(join(root, path), 'utf8'),
}));
const product = sources.filter(
  ({ path }) => !path.endsWith('.test.ts') && !/\/contract(-\w+)?\.ts$/.test(path),
);

/** Which folders of ours a folder may import, besides itself. What is not listed is at the top: the doors. */
const mayImport: Readonly<Record<string, readonly string[]>> = {
  core: [],
  encryption: ['core'],
  sqlite: ['core', 'encryption'],
  engine: ['core', 'encryption', 'objects', 'sqlite'],
  identity: ['core', 'store'],
  inbound: ['core'],
  record: ['core', 'engine'],
  store: ['core', 'encryption', 'engine', 'inbound', 'record', 'sqlite'],
  observe: ['core', 'engine', 'record'],
  alarms: ['core', 'observe', 'store', 'tools'],
  objects: ['core', 'encryption'],
  secrets: ['core'],
  outbound: ['core', 'record'],
  tools: ['core', 'outbound'],
  agents: ['core', 'identity', 'tools'],
  cluster: ['core'],
  config: ['alarms', 'core', 'identity', 'observe', 'outbound', 'record', 'secrets'],
  compose: [
    ...[
      'agents',
      'alarms',
      'config',
      'core',
      'data-folder',
      'encryption',
      'engine',
      'flows',
      'http',
      'identity',
      'inbound',
    ],
    ...['objects', 'observe', 'outbound', 'record', 'secrets', 'sqlite', 'store', 'tools', 'version'],
  ],
  flows: ['agents', 'core', 'engine', 'objects', 'observe', 'outbound', 'record', 'store', 'tools'],
  http: [
    'alarms',
    'core',
    'encryption',
    'engine',
    'flows',
    'identity',
    'inbound',
    'observe',
    'record',
    'store',
  ],
  cli: [
    ...[
      'cluster',
      'compose',
      'config',
      'core',
      'data-folder',
      'identity',
      'outbound',
      'record',
      'server',
      'sqlite',
      'start-options',
      'store',
    ],
    ...['tools', 'version'],
  ],
};

/** What stands behind a port. `cli/warehouse.ts` works on the files of the warehouse without a server. */
const adapters =
  /^src\/(engine\/(embedded|restate|lambda)|store\/(sqlite|postgres)|tools\/\w+\/duckdb|objects\/(folder|s3)|secrets\/(environment|files|secrets-manager))/;
const mayNameAdapters = /^src\/(compose\/\w+|cli\/warehouse|cli\/migrate-store)\.ts$/;

const forbiddenFolders = /(^|\/)(utils?|helpers?|common|services?|types|managers?|misc|lib)(\/|$)/;

const code = (text: string) => text.replace(/\/\*[\s\S]*?\*\//g, '').replace(/(^|[^:'"`])\/\/.*$/gm, '$1');

function importsOf({ path, text }: Source): string[] {
  const found = code(text).matchAll(/(?:from|import)\s*\(?\s*'(\.[^']+)'/g);
  return [...found].map(([, target]) => relative(root, join(root, dirname(path), target!)));
}

const folderOf = (path: string): string => path.split('/')[1]!.replace(/\.ts$/, '');

const rules = {
  'imports point one way'(source: Source) {
    const from = folderOf(source.path);
    const allowed = mayImport[from];
    if (allowed === undefined) return [];
    return importsOf(source)
      .map(folderOf)
      .filter((to) => to !== from && !allowed.includes(to))
      .map((to) => `${source.path} imports ${to}`);
  },
  'only compose/ names adapters'(source: Source) {
    if (mayNameAdapters.test(source.path)) return [];
    const own = source.path.match(adapters)?.[0];
    return importsOf(source)
      .filter((target) => adapters.test(target) && target.match(adapters)?.[0] !== own)
      .filter((target) => !isShared(source.path, target))
      .map((target) => `${source.path} names the adapter ${target}`);
  },
  'console is for cli/ alone'(source: Source) {
    const used = !source.path.startsWith('src/cli/') && /\bconsole\.\w+\(/.test(code(source.text));
    return used ? [`${source.path} uses console`] : [];
  },
  'config/config.ts alone reads the environment'(source: Source) {
    const used = source.path !== 'src/config/config.ts' && /\bprocess\.env\b/.test(code(source.text));
    return used ? [`${source.path} reads process.env`] : [];
  },
  'folders are nouns of the domain'(source: Source) {
    return forbiddenFolders.test(dirname(source.path))
      ? [`${source.path} lies in a folder of no meaning`]
      : [];
  },
};

/** Adapters that share a database or a file: facts and store, loading and the demo over DuckDB's files. */
function isShared(from: string, target: string): boolean {
  if (/^src\/store\/sqlite\//.test(from)) return target === 'src/engine/embedded/facts.ts';
  return (
    /^src\/tools\/warehouse\/(load|demo)\//.test(from) && /^src\/tools\/warehouse\/duckdb\//.test(target)
  );
}

describe('the architecture', () => {
  for (const [name, rule] of Object.entries(rules)) {
    test(name, () => assert.deepEqual(product.flatMap(rule), []));
  }

  test('every folder has its place in the rules', () => {
    const folders = new Set(
      product.filter(({ path }) => path.split('/').length > 2).map(({ path }) => folderOf(path)),
    );
    assert.deepEqual([...folders].sort(), Object.keys(mayImport).sort());
  });
});

describe('each rule can fail', () => {
  const twins: Readonly<Record<keyof typeof rules, Source>> = {
    'imports point one way': { path: 'src/core/x.ts', text: "import { Log } from '../observe/log.ts';" },
    'only compose/ names adapters': {
      path: 'src/http/x.ts',
      text: "const { Y } = await import('../store/sqlite/store.ts');",
    },
    'console is for cli/ alone': { path: 'src/http/x.ts', text: 'console.log(1)' },
    'config/config.ts alone reads the environment': {
      path: 'src/http/x.ts',
      text: 'const x = process.env.HOME;',
    },
    'folders are nouns of the domain': { path: 'src/http/utils/x.ts', text: '' },
  };
  for (const [name, twin] of Object.entries(twins)) {
    test(name, () => assert.equal(rules[name as keyof typeof rules](twin).length, 1));
  }

  test('there are sources to look at', () => assert.ok(product.length > 50));
});
