import type { Agent } from '../agents/agent.ts';
import { createAnalyst } from '../agents/analyst/analyst.ts';
import type { Config } from '../config/config.ts';
import { endpointSettings } from '../config/delivery.ts';
import { CircuitBreakers } from '../core/circuit-breaker.ts';
import { createRedactor } from '../core/redact.ts';
import { safeUrl } from '../core/safe-url.ts';
import { createInvocationFlow } from '../flows/invocation/invocation.ts';
import { createDeliveryFlow } from '../flows/query/delivery.ts';
import { createExportFlow, type ExportFlow } from '../flows/query/export.ts';
import { createQueryFlow } from '../flows/query/query.ts';
import type { GuardedObjects } from '../objects/guarded.ts';
import type { Log } from '../observe/log.ts';
import type { Metrics } from '../observe/metrics/metrics.ts';
import { endpointsFrom } from '../outbound/endpoints.ts';
import { webhookSecrets } from '../outbound/secrets.ts';
import { createSender } from '../outbound/send.ts';
import { createSigner } from '../outbound/sign.ts';
import { webhookTypes } from '../record/events.ts';
import { conversationRedactor } from '../record/redact.ts';
import type { Store } from '../store/store.ts';
import { agentDoor, remoteAgent } from './agents.ts';
import { createNotifying } from './alarms.ts';
import { traceAgentBy, type Watching, watchedBy } from './observe.ts';
import { openWorkspace, todayOf, whenPrepared } from './workspace.ts';

export interface FlowParts {
  readonly log: Log;
  readonly store: Store;
  /** Where exported conversations go. */
  readonly exports: GuardedObjects;
  readonly metrics: Metrics;
  readonly watching: Watching;
  /** Whether runs execute in this process, which then needs data to answer from. */
  readonly executes: boolean;
  /** Without another agent the analyst answers. */
  readonly agent?: Agent | undefined;
}

/** The flows, and what they reach the world by. */
export function openFlows(
  config: Config,
  { log, store, exports, metrics, watching, executes, agent: other }: FlowParts,
) {
  const workspace = openWorkspace(config, log, executes, metrics);
  const today = () => todayOf(config);
  const analyst = createAnalyst({ warehouse: workspace.warehouse, today });
  const own = whenPrepared(other ?? analyst, workspace.prepared);
  const agent = remoteAgent(config, log, metrics) ?? own;
  // Those elsewhere ask ours, never the one that we ask: so no question goes round in a circle.
  const traceAgent = traceAgentBy(watching);
  const invocation = watchedBy(watching)(createInvocationFlow(own, traceAgent));
  const redact = conversationRedactor(createRedactor({ kinds: config.redact, fields: config.redactFields }));
  const exporting = watchedBy(watching)(
    createExportFlow({ store, objects: exports, gate: exports, redact, log }),
  );
  const created = createFlows(config, log, store, agent, exporting, watching);
  const close = async () => void (await Promise.all([created.sender.close(), workspace.warehouse.close()]));
  const flows = { ...created.flows, invocation };
  const agents = agentDoor(config, store, invocation, own);
  return { ...created, flows, agents, workspace, agent, redact, today, close };
}

function createFlows(
  config: Config,
  log: Log,
  store: Store,
  agent: Agent,
  exporting: ExportFlow,
  watching: Watching,
) {
  const watch = watchedBy(watching);
  const { traces } = watching;
  const endpointOf = endpointsFrom(endpointSettings(config));
  const sender = createSender(config.outboundAllow === undefined ? {} : { allow: config.outboundAllow });
  const breakers = new CircuitBreakers();
  const sign = createSigner(webhookSecrets(config.webhookSecrets, config.dataDir));
  const notifying = createNotifying(config, sender, sign, store);
  const delivering = createDeliveryFlow({
    store,
    endpointOf,
    sign,
    sender,
    breakers,
    log,
    exportsConversations: config.exportConversations,
    exportFlow: exporting,
    ...(traces && { traceHeaders: (input, context) => traces.tracer.headersFor(input, context) }),
  });
  const delivery = watch(delivering);
  const query = watch(createQueryFlow({ agent, store, delivery, log, ...traceAgentBy(watching) }));
  const urls = webhookTypes.flatMap((type) => endpointOf(type)?.url ?? []);
  const deliversTo = [...new Set(urls)].map(safeUrl);
  const flows = { query, delivery, exporting, notification: watch(notifying.flow) };
  return { flows, notifying, sender, breakers, deliversTo };
}
