import type { AccountGroup } from './account-index.ts';
import type { DimensionName, Grain } from './semantic-layer/dimensions.ts';
import type { MeasureName } from './semantic-layer/measures.ts';
import type { DealStatus } from './semantic-layer/populations.ts';
import type { Period } from './words/period.ts';
import type { MissingColumn } from './words/phrases.ts';

/** What a question asks for; each kind has its answer in answers/. */
export type Intent =
  | 'metric'
  | 'compare'
  | 'deals'
  | 'accounts'
  | 'leads'
  | 'calls'
  | 'deal_status'
  | 'account'
  | 'pipeline_analysis'
  | 'forecast'
  | 'coverage'
  | 'stale'
  | 'inactive'
  | 'loss_reasons'
  | 'usage_trend'
  | 'usage_movers'
  | 'fit'
  | 'catalogue'
  | 'data'
  | 'help'
  | 'read_only'
  | 'unknown_name'
  | 'which_account'
  | 'not_understood';

export interface Filter {
  readonly dimension: DimensionName;
  readonly values: readonly string[];
  /** All but these. */
  readonly isExcluded?: true;
}

export interface AmountLimit {
  readonly operator: '>' | '<' | '>=' | '<=';
  readonly amount: number;
}

export interface NamedAccounts {
  readonly groups: readonly AccountGroup[];
  readonly certainty: 'exact' | 'partial' | 'spelling';
  /** As it was typed. */
  readonly typed: string;
}

/** A question as the analyst understood it. */
export interface AnalystQuery {
  readonly intent: Intent;
  readonly measures: readonly MeasureName[];
  readonly dimensions: readonly DimensionName[];
  readonly grain?: Grain;
  readonly filters: readonly Filter[];
  readonly status?: DealStatus;
  /** One, or two to compare; none is all time. */
  readonly periods: readonly Period[];
  readonly amountLimits: readonly AmountLimit[];
  readonly account?: NamedAccounts;
  /** A column of deals that is to be empty. */
  readonly missing?: MissingColumn;
  /** A length of time that is no period: "no activity in 60 days". */
  readonly days?: number;
  readonly order: 'largest' | 'smallest' | 'newest' | 'oldest' | undefined;
  readonly limit?: number;
  readonly direction?: 'falling' | 'rising';
  /** Names in the question that nothing in the data goes by. */
  readonly unknownNames: readonly string[];
  /** Words that were left out. */
  readonly unused: readonly string[];
}
