import { mkdtempSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import type { OpenApi } from '../../src/http/openapi/document.ts';
import { type ServerProcess, startServer } from '../fixtures/server-process.ts';
import { requests, type Surroundings } from './requests.ts';

export interface Campaign {
  readonly cases: number;
  readonly seed: number;
  /** Goes on from a failure that was reported. */
  readonly path?: string;
}

export interface CampaignResult {
  /** How often each status was answered; 0 for none. */
  readonly statuses: Readonly<Record<number, number>>;
  /** The smallest failing requests and what is wrong with their answers; undefined when nothing is. */
  readonly failure?: string;
}

/** Requests that are on their way at once. */
const together = 25;

const keys = {
  ingest: 'fuzz-ingest-key-0123456789',
  read: 'fuzz-read-key-0123456789',
  admin: 'fuzz-admin-key-0123456789',
};
const webhookSecret = `whsec_${Buffer.alloc(32, 7).toString('base64')}`;
const sourceSecret = 'fuzz-source-secret-0123456789';

/** Sends generated requests to the real server, and looks at every answer and at what the server says meanwhile. */
export async function runCampaign({ cases, seed, path }: Campaign): Promise<CampaignResult> {
  const folder = mkdtempSync(join(tmpdir(), 'signalbox-fuzz-'));
  const server = await startServer({
    SIGNALBOX_DATA_DIR: folder,
    SIGNALBOX_API_KEYS: Object.entries(keys)
      .map(([scope, key]) => `${scope}:${scope}:${key}`)
      .join(),
    SIGNALBOX_WEBHOOK_SECRETS: webhookSecret,
    SIGNALBOX_RATE_LIMIT: 'off',
  });
  const statuses: Record<number, number> = {};
  try {
    const request = requests(await surroundingsOf(server));
    const property = fc.asyncProperty(
      fc.array(request, { minLength: together, maxLength: together }),
      async (batch) => {
        const answers = await Promise.all(batch.map((bytes) => answerTo(server, bytes)));
        const faults = answers.flatMap((answer, index) => {
          const status = statusOf(answer) ?? 0;
          statuses[status] = (statuses[status] ?? 0) + 1;
          const request = batch[index]!.toString('latin1');
          return faultsOf(answer, request).map(
            (fault) => `${fault}\n  to ${JSON.stringify(request.slice(0, 600))}`,
          );
        });
        faults.push(...faultsOfProcess(server));
        if (faults.length > 0) throw new Error(faults.join('\n'));
      },
    );
    const settings = {
      seed,
      numRuns: Math.ceil(cases / together),
      ...(path !== undefined && { path }),
      endOnFailure: true,
    };
    const result = await fc.check(property, settings);
    if (!result.failed) return { statuses };
    const error =
      result.errorInstance instanceof Error ? result.errorInstance.message : String(result.errorInstance);
    return { statuses, failure: `seed ${seed}, path ${result.counterexamplePath}:\n${error}` };
  } finally {
    await server.stop();
    rmSync(folder, { recursive: true });
  }
}

async function surroundingsOf(server: ServerProcess): Promise<Surroundings> {
  const headers = { 'x-api-key': keys.admin, 'content-type': 'application/json' };
  const ask = async (method: string, path: string, body?: object) => {
    const response = await fetch(`${server.url}${path}`, {
      method,
      headers,
      ...(body && { body: JSON.stringify(body) }),
    });
    return response.json() as Promise<Record<string, string>>;
  };
  const starts = { flow: 'query' };
  await ask('PUT', '/sources/open', {
    scheme: 'none',
    starts,
    options: { input: { query: 'What of {payload.a}?' } },
  });
  await ask('PUT', '/sources/signed', {
    scheme: 'github',
    secrets: [sourceSecret],
    starts,
    options: { input: { query: 'What?' } },
  });
  const asked = {
    query: 'Which deals?',
    source_system: 'fuzz',
    source_process: 'fuzz',
    timestamp: '2026-01-01T00:00:00Z',
  };
  const { tracking_id: id } = await ask('POST', '/webhook', asked);
  const { paths } = (await ask('GET', '/openapi.json')) as unknown as OpenApi;
  const routes = Object.entries(paths).flatMap(([path, methods]) =>
    Object.keys(methods).map((method) => ({ path, method: method.toUpperCase() })),
  );
  return { routes, keys: Object.values(keys), ids: [id!], sources: ['open', 'signed'] };
}

/** What came within a while; a side that waits for the rest of a request says nothing. */
async function answerTo(server: ServerProcess, bytes: Buffer): Promise<string> {
  const socket = connect(Number(new URL(server.url).port), '127.0.0.1');
  const chunks: Buffer[] = [];
  socket.on('data', (chunk: Buffer) => {
    chunks.push(chunk);
    // An event stream goes on for as long as there are events.
    socket.setTimeout(100);
  });
  socket.on('error', () => {});
  socket.setTimeout(400, () => socket.destroy());
  socket.write(bytes);
  await new Promise((resolve) => socket.once('close', resolve));
  return Buffer.concat(chunks)
    .toString()
    .replace(/^HTTP\/1\.1 100 Continue\r\n\r\n/, '');
}

function statusOf(answer: string): number | undefined {
  const status = /^HTTP\/1\.1 (\d{3}) /.exec(answer)?.[1];
  return status === undefined ? undefined : Number(status);
}

/** What no answer may be or have. A secret that the sender has put in a wrong place may come back to it. */
export function faultsOf(answer: string, request = ''): string[] {
  const status = statusOf(answer);
  if (answer === '') return [];
  if (status === undefined) return [`This is no HTTP: ${JSON.stringify(answer.slice(0, 200))}`];
  const secrets = [...Object.values(keys), webhookSecret, sourceSecret].filter(
    (one) => !request.includes(one),
  );
  const faults = [
    [status >= 500 && !(status === 503 && /\r\nretry-after: /i.test(answer)), `${status}`],
    [/\n\s+at .+:\d+:\d+|node:internal|\/src\/[\w/-]+\.ts/.test(answer), 'a stack trace'],
    [secrets.some((secret) => answer.includes(secret)), 'a secret'],
    [/\r\n(x-injected|set-cookie: a=b)/i.test(answer), 'a header of the sender'],
    [/<script|"javascript:/i.test(answer) && /text\/html/.test(answer), 'markup of the sender'],
    [!/\r\nx-content-type-options: nosniff/i.test(answer), 'no nosniff'],
  ] as const;
  return faults
    .filter(([holds]) => holds)
    .map(([, fault]) => `${fault} in ${JSON.stringify(answer.slice(0, 800))}`);
}

/** What the server may not say or do meanwhile. */
function faultsOfProcess(server: ServerProcess): string[] {
  const { exitCode, signalCode } = server.process;
  if (exitCode !== null || signalCode !== null) return [`The server ended: ${server.output().slice(-2_000)}`];
  const bad = server
    .output()
    .split('\n')
    .find((line) => /internal_error|ncaught|nhandled|DeprecationWarning|MaxListeners/.test(line));
  return bad === undefined ? [] : [`The server says: ${bad.slice(0, 2_000)}`];
}
