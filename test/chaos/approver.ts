import { createServer } from 'node:http';
import { silentObserver } from '../../src/engine/observer.ts';
import { RestateEngine } from '../../src/engine/restate/engine.ts';
import { approvalFlow, namespace } from './approval.ts';

/** A worker that executes what was approved: node approver.ts OPTIONS. */
export interface ApproverOptions {
  readonly ingressUrls: readonly string[];
  readonly adminUrl: string;
  readonly workerPort: number;
  readonly workerUrl: string;
  readonly readyPort: number;
  /** Takes effects. */
  readonly effectsUrl: string;
}

const { readyPort, effectsUrl, ...restate } = JSON.parse(process.argv[2]!) as ApproverOptions;

const approval = approvalFlow(async (runId, idempotencyKey) => {
  const response = await fetch(`${effectsUrl}/${runId}`, {
    method: 'POST',
    headers: { 'idempotency-key': idempotencyKey },
  });
  await response.body?.cancel();
  if (!response.ok) throw new Error(`The effect was answered ${response.status}.`);
});

const engine = new RestateEngine({
  ...restate,
  namespace,
  flows: [approval],
  workerHost: '127.0.0.1',
  identityKeys: [],
  appendFacts: async () => {},
  observer: silentObserver,
  onWarning: (message) => void process.stderr.write(`${message}\n`),
});
await engine.open();
createServer((_, response) => response.end()).listen(readyPort, '127.0.0.1');
