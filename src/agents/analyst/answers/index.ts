import type { Intent } from '../query.ts';
import type { Answer } from '../render/answer.ts';
import { answerAccount } from './account.ts';
import { answerCalls } from './calls.ts';
import { answerComparison } from './compare.ts';
import type { AnswerContext } from './context.ts';
import { answerCoverage } from './coverage.ts';
import { answerDealStatus } from './deal-status.ts';
import { answerDeals } from './deals.ts';
import { answerFit } from './fit.ts';
import { answerForecast } from './forecast.ts';
import {
  answerData,
  answerHelp,
  answerNotUnderstood,
  answerReadOnly,
  answerUnknownName,
  answerWhichAccount,
} from './help.ts';
import { answerInactive } from './inactive.ts';
import { answerAccounts, answerCatalogue, answerLeads } from './lists.ts';
import { answerLossReasons } from './loss-reasons.ts';
import { answerMetric } from './metric.ts';
import { answerPipelineAnalysis } from './pipeline-analysis.ts';
import { answerStale } from './stale.ts';
import { answerUsageMovers } from './usage-movers.ts';
import { answerUsageTrend } from './usage-trend.ts';

/** How each kind of question is answered. */
export const answers: Readonly<Record<Intent, (context: AnswerContext) => Answer | Promise<Answer>>> = {
  metric: answerMetric,
  compare: answerComparison,
  deals: answerDeals,
  accounts: answerAccounts,
  leads: answerLeads,
  calls: answerCalls,
  deal_status: answerDealStatus,
  account: answerAccount,
  pipeline_analysis: answerPipelineAnalysis,
  forecast: answerForecast,
  coverage: answerCoverage,
  stale: answerStale,
  inactive: answerInactive,
  loss_reasons: answerLossReasons,
  usage_trend: answerUsageTrend,
  usage_movers: answerUsageMovers,
  fit: answerFit,
  catalogue: answerCatalogue,
  data: answerData,
  help: answerHelp,
  read_only: answerReadOnly,
  unknown_name: answerUnknownName,
  which_account: answerWhichAccount,
  not_understood: answerNotUnderstood,
};
