import type { JsonSchema } from './described.ts';

/** Schemas by their titles: what has a `title` is said once, and is referred to from everywhere else. */
export class Components {
  readonly #schemas = new Map<string, string>();

  /** The schema with references in the place of what has a title. Throws where two different ones have the same. */
  refer(schema: unknown): unknown {
    if (Array.isArray(schema)) return schema.map((one) => this.refer(one));
    if (typeof schema !== 'object' || schema === null) return schema;
    const referred = Object.fromEntries(
      // `~kind` and the like are marks of TypeBox; data in examples stay as they are.
      Object.entries(schema)
        .filter(([name]) => !name.startsWith('~'))
        .map(([name, value]) => [name, isData(name) ? value : this.refer(value)]),
    );
    const { title } = referred;
    return typeof title === 'string' && 'type' in referred ? this.#keep(title, referred) : referred;
  }

  get schemas(): Record<string, JsonSchema> {
    const sorted = [...this.#schemas].sort(([a], [b]) => (a < b ? -1 : 1));
    return Object.fromEntries(sorted.map(([title, text]) => [title, JSON.parse(text) as JsonSchema]));
  }

  #keep(title: string, schema: object): JsonSchema {
    const text = JSON.stringify(schema);
    const known = this.#schemas.get(title);
    if (known !== undefined && known !== text) {
      throw new Error(`Two different schemas have the title ${title}. Give one of them another.`);
    }
    this.#schemas.set(title, text);
    return { $ref: `#/components/schemas/${title}` };
  }
}

const isData = (keyword: string): boolean => ['examples', 'default', 'enum', 'const'].includes(keyword);
