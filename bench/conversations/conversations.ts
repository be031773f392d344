import type { LatencySummary } from '../latency.ts';
import { runJob } from '../process/job.ts';
import { freePort } from '../process/processes.ts';
import { askBody, authorization, startSignalbox, webhookSecret } from '../process/signalbox.ts';
import { distinctQuestions, repeatedQuestions } from '../questions.ts';
import { best, rounds } from '../rounds.ts';

/** What the clients' process does: it posts questions and receives the answers. */
export interface ConversationJob {
  readonly port: number;
  readonly receiverPort: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly secret: string;
  readonly bodies: readonly string[];
  readonly pace: Pace;
  readonly warmUpMs: number;
  readonly durationMs: number;
}

/** Senders that wait for the delivery of each answer before they ask again, or questions at a fixed rate. */
export type Pace = { readonly senders: number } | { readonly perSecond: number };

export interface ConversationClientResult {
  /** From the first byte of the post to the arrival of the delivery. */
  readonly latency: LatencySummary;
  readonly perSecond: number;
  readonly posted: number;
  readonly delivered: number;
  readonly signaturesChecked: number;
  readonly clientCpu: number;
}

export interface ConversationResult extends ConversationClientResult {
  readonly peakMemoryMib: number;
}

export interface ConversationResults {
  readonly distinct: ConversationResult;
  readonly repeated: ConversationResult;
  readonly atTenASecond: ConversationResult;
}

export async function measureConversations(
  durationMs: number,
  dataFrom: string,
): Promise<ConversationResults> {
  const questions = distinctQuestions();
  const pace = { senders: 64 };
  const distinct: ConversationResult[] = [];
  const repeated: ConversationResult[] = [];
  for (let round = 0; round < rounds; round++) {
    distinct.push(await measure({ questions, pace, durationMs, dataFrom }));
    repeated.push(await measure({ questions: repeatedQuestions, pace, durationMs, dataFrom }));
  }
  const slow = { pace: { perSecond: 10 }, durationMs: Math.max(10_000, durationMs) };
  const atTenASecond = await measure({ questions, dataFrom, ...slow });
  return { distinct: best(distinct), repeated: best(repeated), atTenASecond };
}

interface Measurement {
  readonly questions: readonly string[];
  readonly pace: Pace;
  readonly durationMs: number;
  readonly dataFrom: string;
}

async function measure(of: Measurement): Promise<ConversationResult> {
  const receiverPort = await freePort();
  const webhookUrl = `http://127.0.0.1:${receiverPort}/answers`;
  const server = await startSignalbox({ dataFrom: of.dataFrom, webhookUrl, warm: false });
  const job: ConversationJob = {
    port: server.port,
    receiverPort,
    headers: authorization,
    secret: webhookSecret,
    bodies: of.questions.map((question) => askBody(question)),
    pace: of.pace,
    warmUpMs: 1_500,
    durationMs: of.durationMs,
  };
  const module = new URL('clients.ts', import.meta.url);
  const result = await runJob<ConversationJob, ConversationClientResult>(module, job);
  const peakMemoryMib = server.peakMemoryMib();
  const kept = await server.end('SIGTERM');
  if (result.delivered !== result.posted || kept.delivered !== result.posted) {
    const counts = `${result.posted} posted, ${result.delivered} received, ${kept.delivered} complete on the record`;
    throw new Error(`Conversations were lost: ${counts}.`);
  }
  return { ...result, peakMemoryMib };
}
