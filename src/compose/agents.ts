import type { Agent } from '../agents/agent.ts';
import { createRemoteAgent } from '../agents/remote/remote-agent.ts';
import type { Config } from '../config/config.ts';
import type { InvocationFlow } from '../flows/invocation/invocation.ts';
import type { AgentDoor } from '../http/ports.ts';
import { createAgentSigner, createAgentVerifier } from '../identity/agent-tokens.ts';
import type { Log } from '../observe/log.ts';
import type { Metrics } from '../observe/metrics/metrics.ts';
import type { Store } from '../store/store.ts';

/** The agent of another Signalbox, where the configuration names one. */
export function remoteAgent(
  { agentUrl: url, agentName, agentPrivateKey }: Config,
  log: Pick<Log, 'agentRetried'>,
  metrics: Pick<Metrics, 'count'>,
): Agent | undefined {
  if (url === undefined || agentPrivateKey === undefined) return undefined;
  return createRemoteAgent({
    ...{ url, source: agentName, signer: createAgentSigner(agentName, agentPrivateKey) },
    onRetry: (failed) => {
      metrics.count('agentRetries', 1, [failed.agent]);
      log.agentRetried(failed);
    },
  });
}

/** How agents of other processes ask ours; undefined where none may. */
export function agentDoor(
  { agentCallers }: Config,
  store: Store,
  flow: InvocationFlow,
  agent: Agent,
): AgentDoor | undefined {
  if (agentCallers.length === 0) return undefined;
  return { flow, names: [agent.name], verifier: createAgentVerifier(agentCallers, store) };
}
