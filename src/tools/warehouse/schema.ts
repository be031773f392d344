/**
 * The canonical tables that the semantic layer is written against. Loading maps the columns of people's files onto these
 * by name and synonym (or by a mapping file); a column that maps onto none is kept under its own name. Every column
 * may be absent or null: a question that needs it is then answered with what is missing, never with a guess.
 */

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

const column = (
  name: string,
  type: ColumnType,
  description: string,
  synonyms: readonly string[] = [],
  references?: TableName,
): CanonicalColumn => ({ name, type, description, synonyms, ...(references && { references }) });

const accountReference = column(
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
const ownerReference = column(
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
const productReference = column(
  'product_id',
  'text',
  'the product',
  ['product', 'product_name', 'sku', 'item', 'plan'],
  'products',
);

export const canonicalTables: readonly CanonicalTable[] = [
  {
    name: 'accounts',
    entity: 'account',
    description: 'companies that buy or may buy',
    idColumn: 'account_id',
    nameColumn: 'name',
    synonyms: ['account', 'companies', 'customers', 'organizations', 'clients'],
    columns: [
      column('account_id', 'text', 'identifies the account', [
        'id',
        'customer_id',
        'company_id',
        'sfdc_id',
        'record_id',
      ]),
      column('name', 'text', 'the company name', [
        'account',
        'account_name',
        'company',
        'company_name',
        'customer',
        'customer_name',
        'organization',
      ]),
      column('industry', 'text', 'what the company does', ['sector', 'vertical']),
      column('region', 'text', 'the sales region', ['territory', 'area', 'geo']),
      column('country', 'text', 'where the company is', ['office_location', 'location', 'billing_country']),
      column('segment', 'text', 'its size class (SMB, Mid-Market, Enterprise)', [
        'tier',
        'size_segment',
        'account_segment',
      ]),
      column('employees', 'number', 'number of people', [
        'employee_count',
        'number_of_employees',
        'headcount',
        'num_employees',
      ]),
      column('annual_revenue', 'number', 'revenue of the company in a year, in the unit of the source', [
        'revenue',
        'revenue_usd',
      ]),
      column('founded_year', 'number', 'year of founding', ['year_established', 'founded', 'year_founded']),
      column('parent_account', 'text', 'the company that owns it', [
        'subsidiary_of',
        'parent',
        'parent_company',
      ]),
      column('website', 'text', 'its web site', ['domain', 'url', 'web_site']),
      column('status', 'text', 'customer, prospect or churned', [
        'account_status',
        'type',
        'account_type',
        'customer_status',
      ]),
      column('customer_since', 'date', 'first day as a customer', [
        'start_date',
        'customer_start_date',
        'signup_date',
        'onboarded_at',
      ]),
      { ...ownerReference, synonyms: ownerReference.synonyms },
    ],
  },
  {
    name: 'opportunities',
    entity: 'opportunity',
    description: 'deals, open and closed',
    idColumn: 'opportunity_id',
    nameColumn: 'name',
    synonyms: ['opportunity', 'deals', 'deal', 'sales_pipeline', 'pipeline', 'opps'],
    columns: [
      column('opportunity_id', 'text', 'identifies the deal', ['id', 'deal_id', 'opp_id', 'record_id']),
      column('name', 'text', 'what the deal is called', [
        'opportunity_name',
        'deal_name',
        'opportunity',
        'deal',
        'title',
      ]),
      accountReference,
      ownerReference,
      productReference,
      column('stage', 'text', 'where it stands; won and lost are recognised by those words', [
        'deal_stage',
        'stage_name',
        'sales_stage',
        'status',
        'deal_status',
      ]),
      column('amount', 'number', 'what it is worth', [
        'close_value',
        'value',
        'deal_value',
        'deal_amount',
        'acv',
        'arr',
        'tcv',
        'amount_usd',
        'revenue',
      ]),
      column('probability', 'number', 'chance to win, 0 to 100', [
        'win_probability',
        'likelihood',
        'confidence',
      ]),
      column('created_date', 'date', 'when it was opened', [
        'engage_date',
        'created',
        'created_at',
        'open_date',
        'create_date',
        'createddate',
      ]),
      column('close_date', 'date', 'when it closed, or is expected to', [
        'closed_date',
        'expected_close_date',
        'closedate',
        'close',
        'closing_date',
      ]),
      column('last_activity_date', 'date', 'the last time that somebody worked on it', [
        'last_activity',
        'last_touch',
        'last_contacted',
        'lastactivitydate',
        'last_modified_date',
      ]),
      column('next_step', 'text', 'what happens next', ['nextstep', 'next_action']),
      column('type', 'text', 'new business, expansion or renewal', ['deal_type', 'opportunity_type']),
      column('region', 'text', 'the sales region', ['territory', 'regional_office']),
      column('lead_source', 'text', 'where it came from', ['source', 'channel']),
      column('loss_reason', 'text', 'why it was lost', ['lost_reason', 'closed_lost_reason', 'reason_lost']),
    ],
  },
  {
    name: 'products',
    entity: 'product',
    description: 'what is sold',
    idColumn: 'product_id',
    nameColumn: 'name',
    synonyms: ['product', 'catalog', 'price_list', 'skus'],
    columns: [
      column('product_id', 'text', 'identifies the product', ['id', 'sku', 'product_code']),
      column('name', 'text', 'its name', ['product', 'product_name', 'item']),
      column('family', 'text', 'the line it belongs to', ['series', 'category', 'product_family', 'line']),
      column('list_price', 'number', 'price without discount', [
        'sales_price',
        'price',
        'unit_price',
        'msrp',
      ]),
    ],
  },
  {
    name: 'owners',
    entity: 'owner',
    description: 'the people who sell',
    idColumn: 'owner_id',
    nameColumn: 'name',
    synonyms: ['owner', 'sales_teams', 'sales_team', 'reps', 'sales_reps', 'users', 'team', 'sellers'],
    columns: [
      column('owner_id', 'text', 'identifies the person', ['id', 'user_id', 'rep_id']),
      column('name', 'text', 'their name', [
        'owner',
        'sales_agent',
        'sales_rep',
        'rep',
        'owner_name',
        'full_name',
        'agent',
      ]),
      column('manager', 'text', 'whom they report to', ['sales_manager', 'reports_to', 'manager_name']),
      column('region', 'text', 'where they sell', ['regional_office', 'office', 'territory']),
      column('email', 'text', 'their address', ['email_address', 'mail']),
    ],
  },
  {
    name: 'usage',
    entity: 'usage',
    description: 'how much of what was bought is used, per account and day',
    idColumn: 'usage_id',
    synonyms: ['product_usage', 'usage_daily', 'daily_usage', 'consumption', 'telemetry', 'metering'],
    columns: [
      column('usage_id', 'text', 'identifies the row', ['id']),
      accountReference,
      productReference,
      column('usage_date', 'date', 'the day', ['date', 'day', 'ds', 'period', 'usage_day']),
      column('units', 'number', 'how much was used', [
        'quantity',
        'usage',
        'consumption',
        'credits',
        'events',
        'api_calls',
        'requests',
        'value',
      ]),
      column('active_users', 'number', 'how many people used it', [
        'users',
        'dau',
        'daily_active_users',
        'active_user_count',
      ]),
    ],
  },
  {
    name: 'leads',
    entity: 'lead',
    description: 'people and companies that may become accounts',
    idColumn: 'lead_id',
    nameColumn: 'company',
    synonyms: ['lead', 'prospects', 'mqls'],
    columns: [
      column('lead_id', 'text', 'identifies the lead', ['id']),
      column('name', 'text', 'the person', ['full_name', 'contact', 'contact_name', 'lead_name']),
      column('company', 'text', 'where they work', [
        'company_name',
        'account',
        'account_name',
        'organization',
      ]),
      column('title', 'text', 'what they do there', ['job_title', 'role', 'position']),
      column('email', 'text', 'their address', ['email_address', 'mail']),
      column('industry', 'text', 'what the company does', ['sector', 'vertical']),
      column('region', 'text', 'where the company is', ['territory', 'area', 'geo', 'country']),
      column('employees', 'number', 'number of people in the company', [
        'employee_count',
        'company_size',
        'number_of_employees',
        'headcount',
      ]),
      column('source', 'text', 'where the lead came from', ['lead_source', 'channel', 'campaign']),
      column('status', 'text', 'new, working, qualified, converted or disqualified', [
        'lead_status',
        'stage',
      ]),
      column('created_date', 'date', 'when it came', ['created', 'created_at', 'create_date']),
      ownerReference,
    ],
  },
  {
    name: 'calls',
    entity: 'call',
    description: 'conversations with accounts, with notes',
    idColumn: 'call_id',
    synonyms: ['call', 'conversations', 'meetings', 'activities', 'call_notes', 'gong_calls'],
    columns: [
      column('call_id', 'text', 'identifies the call', ['id', 'meeting_id', 'conversation_id']),
      accountReference,
      column(
        'opportunity_id',
        'text',
        'the deal it was about',
        ['opportunity', 'deal', 'deal_id', 'opp_id'],
        'opportunities',
      ),
      ownerReference,
      column('call_date', 'date', 'when', ['date', 'day', 'started_at', 'start_time', 'scheduled']),
      column('duration_minutes', 'number', 'how long, in minutes', ['duration', 'minutes', 'length_minutes']),
      column('subject', 'text', 'what it was about', ['title', 'topic']),
      column('notes', 'text', 'what was said', [
        'summary',
        'transcript',
        'description',
        'body',
        'call_notes',
      ]),
      column('sentiment', 'text', 'positive, neutral or negative', ['mood', 'tone']),
    ],
  },
];
