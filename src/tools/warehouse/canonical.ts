export type ColumnType = 'text' | 'number' | 'boolean' | 'date' | 'timestamp';

export interface CanonicalColumn {
  readonly name: string;
  readonly type: ColumnType;
  readonly description: string;
  /** Other headings for the same thing, in snake case. */
  readonly synonyms: readonly string[];
  /** The canonical table that this column points at. A value may be that table's id or name; loading turns a name into the id. */
  readonly references?: TableName;
}

export interface CanonicalTable {
  readonly name: TableName;
  /** One row of the table, in a word. */
  readonly entity: string;
  readonly description: string;
  readonly idColumn: string;
  /** The column with the name that people use. */
  readonly nameColumn?: string;
  /** Other names of the table, for files called so. */
  readonly synonyms: readonly string[];
  readonly columns: readonly CanonicalColumn[];
}

export type TableName = 'accounts' | 'opportunities' | 'products' | 'owners' | 'usage' | 'leads' | 'calls';

/** A column of a canonical table. */
export const column = (
  name: string,
  type: ColumnType,
  description: string,
  synonyms: readonly string[] = [],
  references?: TableName,
): CanonicalColumn => ({ name, type, description, synonyms, ...(references && { references }) });

/** Columns that point at another table, by its id or its name. */
export const accountReference = column(
  'account_id',
  'text',
  'the account',
  [
    'account',
    'account_name',
    'company',
    'company_name',
    'customer',
    'customer_name',
    'customer_id',
    'client',
    'organization',
    'associated_company',
    'primary_associated_company',
  ],
  'accounts',
);
export const ownerReference = column(
  'owner_id',
  'text',
  'who works on it',
  [
    'owner',
    'owner_name',
    'sales_agent',
    'sales_rep',
    'rep',
    'account_executive',
    'account_owner',
    'opportunity_owner',
    'deal_owner',
    'seller',
    'ae',
    'assigned_to',
  ],
  'owners',
);
export const productReference = column(
  'product_id',
  'text',
  'the product',
  ['product', 'product_name', 'sku', 'item', 'plan'],
  'products',
);
