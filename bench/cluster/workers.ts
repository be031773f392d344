import { join } from 'node:path';
import { startCluster } from '../../src/cluster/cluster.ts';
import type { ConversationClientResult, ConversationJob, Pace } from '../conversations/conversations.ts';
import { runJob } from '../process/job.ts';
import { freePort, removeFolder, temporaryFolder } from '../process/processes.ts';
import { askBody, authorization, settingsOfAll, webhookSecret } from '../process/signalbox.ts';
import { repeatedQuestions } from '../questions.ts';
import { best, rounds } from '../rounds.ts';

export interface WorkersResult {
  readonly workers: number;
  readonly full: ConversationClientResult;
  readonly atTenASecond: ConversationClientResult;
}

/** The main job on one node of Restate, a PostgreSQL and one gateway, with one, two and three workers. */
export async function measureWorkers(durationMs: number): Promise<WorkersResult[]> {
  const results: WorkersResult[] = [];
  for (const workers of [1, 2, 3]) results.push(await measure(workers, durationMs));
  return results;
}

async function measure(workers: number, durationMs: number): Promise<WorkersResult> {
  const folder = temporaryFolder('cluster');
  const receiverPort = await freePort();
  const root = join(import.meta.dirname, '..', '..');
  const { PATH = '', HOME = '' } = process.env;
  const cluster = await startCluster({
    ...{ folder, servers: join(root, 'bench'), size: { nodes: 1, gateways: 1, workers } },
    program: [process.execPath, '--disable-warning=ExperimentalWarning', join(root, 'src', 'main.ts')],
    environment: {
      ...{ PATH, HOME, ...settingsOfAll },
      WEBHOOK_URL: `http://127.0.0.1:${receiverPort}/answers`,
    },
  });
  try {
    const ask = (pace: Pace, forMs: number) =>
      runJob<ConversationJob, ConversationClientResult>(
        new URL('../conversations/clients.ts', import.meta.url),
        {
          port: Number(new URL(cluster.url).port),
          ...{ receiverPort, pace, durationMs: forMs, warmUpMs: 1_500 },
          ...{ headers: authorization, secret: webhookSecret },
          bodies: repeatedQuestions.map((question) => askBody(question)),
        },
      );
    const full: ConversationClientResult[] = [];
    for (let round = 0; round < rounds; round++) full.push(await ask({ senders: 64 }, durationMs));
    const atTenASecond = await ask({ perSecond: 10 }, Math.max(10_000, durationMs));
    return { workers, full: best(full), atTenASecond };
  } finally {
    await cluster.stop();
    removeFolder(cluster.postgresFolder);
    removeFolder(folder);
  }
}
