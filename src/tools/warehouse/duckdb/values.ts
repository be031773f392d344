import type {
  DuckDBPreparedStatement,
  DuckDBType,
  DuckDBValue,
  DuckDBValueConverter,
  JsonDuckDBValueConverter as JsonConverter,
} from '@duckdb/node-api';
import type { QueryColumn, Scalar } from '../warehouse.ts';

/** DuckDB's type ids are numbers in the C API and stable: https://duckdb.org/docs/stable/clients/c/types */
const typeId = {
  boolean: 1,
  double: 11,
  timestamp: 12,
  date: 13,
  hugeInteger: 16,
  decimal: 19,
  timestampSeconds: 20,
  timestampMilliseconds: 21,
  timestampNanoseconds: 22,
  timestampWithZone: 31,
  unsignedHugeInteger: 32,
  bigNumber: 35,
} as const;

/** Columns of these types are JSON text in a cell: list, struct, map, union, array, variant. */
const nestedTypes = new Set([24, 25, 26, 28, 33, 41]);

const timestampTypes = new Set<number>([
  typeId.timestamp,
  typeId.timestampSeconds,
  typeId.timestampMilliseconds,
  typeId.timestampNanoseconds,
  typeId.timestampWithZone,
]);

const isNumber = (id: number): boolean =>
  (id > typeId.boolean && id <= typeId.double) ||
  id === typeId.hugeInteger ||
  id === typeId.unsignedHugeInteger ||
  id === typeId.decimal ||
  id === typeId.bigNumber;

export function columnTypeOf(type: DuckDBType): QueryColumn['type'] {
  const id: number = type.typeId;
  if (id === typeId.boolean) return 'boolean';
  if (id === typeId.date) return 'date';
  if (timestampTypes.has(id)) return 'timestamp';
  return isNumber(id) ? 'number' : 'text';
}

/** `2026-08-14 09:18:33.36` (as DuckDB prints UTC) as ISO-8601; what no calendar has (infinity) stays as it is printed. */
function isoTimestamp(value: DuckDBValue): string {
  const printed = String(value);
  const parsed = new Date(`${printed.replace(/[+-]\d\d(:\d\d)?$/, '').replace(' ', 'T')}Z`);
  return Number.isNaN(parsed.getTime()) ? printed : parsed.toISOString();
}

/** Numbers that JSON cannot say (NaN, infinity) are null. */
function finite(value: DuckDBValue): number | null {
  const number = Number(typeof value === 'object' ? String(value) : value);
  return Number.isFinite(number) ? number : null;
}

/** Makes cells out of DuckDB's values, as the port says. */
export function scalarConverter(json: typeof JsonConverter): DuckDBValueConverter<Scalar> {
  const nested: DuckDBValueConverter<unknown> = (value, type, self) =>
    nestedTypes.has(type.typeId) ? json(value, type, self as typeof json) : convert(value, type, convert);
  const convert: DuckDBValueConverter<Scalar> = (value, type) => {
    if (value === null) return null;
    if (nestedTypes.has(type.typeId)) return JSON.stringify(nested(value, type, nested));
    switch (columnTypeOf(type)) {
      case 'boolean':
        return value === true;
      case 'number':
        return finite(value);
      case 'timestamp':
        return isoTimestamp(value);
      default:
        return String(value);
    }
  };
  return convert;
}

/** Whole numbers are bound as 64-bit integers, so that they can be a LIMIT as well as an amount. */
export function bindParameters(statement: DuckDBPreparedStatement, parameters: readonly Scalar[]): void {
  parameters.forEach((value, at) => {
    if (value === null) statement.bindNull(at + 1);
    else if (typeof value === 'string') statement.bindVarchar(at + 1, value);
    else if (typeof value === 'boolean') statement.bindBoolean(at + 1, value);
    else if (Number.isSafeInteger(value)) statement.bindBigInt(at + 1, BigInt(value));
    else statement.bindDouble(at + 1, value);
  });
}
