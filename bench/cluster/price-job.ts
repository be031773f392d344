import { randomUUID } from 'node:crypto';
import { createServer } from 'node:http2';
import type { AddressInfo } from 'node:net';
import { createEndpointHandler, type WorkflowContext, workflow } from '@restatedev/restate-sdk';
import Type from 'typebox';
import { defineFlow } from '../../src/engine/flow.ts';
import { silentObserver } from '../../src/engine/observer.ts';
import { RestateEngine } from '../../src/engine/restate/engine.ts';
import { JsonClient } from '../../src/engine/restate/http.ts';
import { type LoopResult, runLoop } from '../engine/loop.ts';
import { register } from '../engine/restate-server.ts';
import { serveJobs } from '../process/job.ts';
import { freePort, waitUntil } from '../process/processes.ts';
import type { Party, PriceJob, PriceRound } from './price.ts';

/** A process that executes five-step runs and starts them: on Restate's SDK alone, or on our engine. */
serveJobs<PriceJob, PriceRound>(async (job) => {
  const runOne = await parties[job.party](job);
  await runOne();
  const measure = (atOnce: number, durationMs: number): Promise<LoopResult> =>
    runLoop({ atOnce, warmUpMs: 1_000, durationMs }, runOne);
  return { alone: await measure(1, 2_000), at64: await measure(64, job.durationMs) };
});

/** Those who wait for the fifth step of a run, by its key. */
const waiting = new Map<unknown, () => void>();

function fifthStep(key: string): Promise<void> {
  return new Promise((resolve) => waiting.set(key, resolve));
}

function lastStepOf(key: string, value: number): number {
  waiting.get(key)?.();
  waiting.delete(key);
  return value;
}

const parties: Readonly<Record<Party, (job: PriceJob) => Promise<() => Promise<void>>>> = {
  async bare(job) {
    const call = await serveBare(job);
    return async () => {
      const key = randomUUID();
      const done = fifthStep(key);
      await call(`${key}/run/send`);
      await done;
    };
  },
  async 'bare, until its answer'(job) {
    const call = await serveBare(job);
    return async () => {
      const answer = await call(`${randomUUID()}/run`);
      if (answer !== 5) throw new Error(`A run ended with ${JSON.stringify(answer)} instead of 5.`);
    };
  },
  async ours(job) {
    const engine = await openEngine(job);
    return async () => {
      const runId = randomUUID();
      const done = fifthStep(runId);
      await engine.start(fiveSteps, 0, { runId });
      await done;
    };
  },
  async 'ours, until its answer'(job) {
    const engine = await openEngine(job);
    return async () => {
      const { output } = await engine.wait((await engine.start(fiveSteps, 0)).runId);
      if (output !== 5) throw new Error(`A run ended with ${JSON.stringify(output)} instead of 5.`);
    };
  },
};

async function serveBare({ admin, ingress }: PriceJob): Promise<(path: string) => Promise<unknown>> {
  const bare = workflow({
    name: 'bare',
    handlers: {
      run: async (context: WorkflowContext, input: number) => {
        let value = input;
        for (let at = 1; at <= 4; at++) value = await context.run(`step ${at}`, () => value + 1);
        return context.run('step 5', () => lastStepOf(context.key, value + 1));
      },
    },
  });
  const options = { services: [bare], bidirectional: false, logger: () => {} };
  const server = createServer(createEndpointHandler(options));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  await register(admin, (server.address() as AddressInfo).port);
  const client = new JsonClient({ timeoutMs: 30_000, keepAlive: true });
  const call = async (path: string) => {
    const { status, body } = await client.send('POST', `http://127.0.0.1:${ingress}/bare/${path}`, 0);
    if (status >= 300) throw new Error(`Restate answered ${status}: ${JSON.stringify(body)}`);
    return body;
  };
  await waitUntil('The workflow in Restate', async () => (await call(`${randomUUID()}/run`)) === 5);
  return call;
}

const fiveSteps = defineFlow({
  name: 'five-steps',
  version: 1,
  concurrency: 1_024,
  input: Type.Number(),
  output: Type.Number(),
  async run(step, input) {
    let value = input;
    for (let at = 1; at <= 4; at++) value = await step.run(`step ${at}`, () => value + 1);
    return step.run('step 5', () => lastStepOf(step.runId, value + 1));
  },
});

async function openEngine({ ingress, admin }: PriceJob): Promise<RestateEngine> {
  const engine = new RestateEngine({
    ingressUrls: [`http://127.0.0.1:${ingress}`],
    adminUrl: `http://127.0.0.1:${admin}`,
    ...{ namespace: 'price', flows: [fiveSteps], workerHost: '127.0.0.1', workerPort: await freePort() },
    ...{ identityKeys: [], appendFacts: async () => {}, observer: silentObserver },
  });
  await engine.open();
  await engine.registered();
  return engine;
}
