import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { checkEmbedded, readExposition } from './fixtures/exposition.ts';
import { filterOf } from './fixtures/log-filters.ts';
import { answer, type Receiver, startReceiver } from './fixtures/receiver.ts';
import { type ServerProcess, startServer } from './fixtures/server-process.ts';

/** What a real process tells those who watch it. */
const folder = mkdtempSync(join(tmpdir(), 'signalbox-observe-'));
const key = 'a-key-of-an-operator';
const authorization = { authorization: `Bearer ${key}` };
let receiver: Receiver;
let server: ServerProcess;

before(async () => {
  receiver = await startReceiver();
  server = await startServer({
    SIGNALBOX_DATA_DIR: join(folder, 'data'),
    SIGNALBOX_API_KEYS: `watcher:admin:${key}`,
    SIGNALBOX_METRICS: 'emf',
    LOG_LEVEL: 'info',
    WEBHOOK_URL: receiver.url,
  });
});
after(async () => {
  await server.stop();
  await receiver.close();
  rmSync(folder, { recursive: true });
});

const question = (fields: object = {}) => ({
  query: 'What deals are closing this quarter?',
  source_system: 'crm',
  source_process: 'test',
  timestamp: new Date().toISOString(),
  ...fields,
});

async function ask(fields?: object, more: Record<string, string> = {}): Promise<Response> {
  return await fetch(`${server.url}/webhook`, {
    method: 'POST',
    headers: { ...authorization, 'content-type': 'application/json', ...more },
    body: JSON.stringify(question(fields)),
  });
}

const lines = (): Record<string, unknown>[] =>
  server
    .output()
    .split('\n')
    .filter((line) => line.startsWith('{') && line.endsWith('}'))
    .map((line) => JSON.parse(line) as Record<string, unknown>);

/** Waits for lines that come in their own time. */
async function until<T>(look: () => T | undefined | false): Promise<T> {
  const end = Date.now() + 20_000;
  while (Date.now() < end) {
    const seen = look();
    if (seen) return seen;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  throw new Error(`It did not come:\n${server.output().slice(-4_000)}`);
}

const completed = () => lines().some((line) => line.event_type === 'WEBHOOK_CONVERSATION_COMPLETED');

describe('metrics', () => {
  test('of a conversation at /metrics, for those who may read', async () => {
    assert.equal((await ask()).status, 202);
    assert.equal((await ask({ query: '' })).status, 422);
    await until(completed);
    assert.equal((await fetch(`${server.url}/metrics`)).status, 401);
    const response = await fetch(`${server.url}/metrics`, { headers: authorization });
    assert.equal(response.headers.get('content-type'), 'text/plain; version=0.0.4; charset=utf-8');
    const text = await response.text();
    assert.ok(readExposition(text).size > 30);
    const has = (pattern: RegExp) => assert.match(text, pattern);
    has(/^signalbox_requests_accepted_total\{source_system="crm",webhook_type="\w+"\} 1$/m);
    has(/^signalbox_requests_refused_total\{code="invalid_request"\} 1$/m);
    has(/^signalbox_requests_refused_total\{code="unauthenticated"\} 1$/m);
    has(/^signalbox_delivery_attempts_total\{webhook_type="\w+",outcome="delivered"\} 1$/m);
    has(/^webhook_total_conversation_time_seconds_count\{webhook_type="\w+"\} 1$/m);
    has(
      /^firebolt_operation_duration_seconds_count\{operation_type="query",table_name="opportunities"\} \d+$/m,
    );
    has(/^signalbox_conversations\{status="delivered"\} 1$/m);
    has(/^signalbox_runs\{status="waiting"\} 0$/m);
    has(/^signalbox_queue_depth 0$/m);
    has(/^nodejs_eventloop_lag_p99_seconds \d/m);
    has(/^process_resident_memory_bytes \d{8,}$/m);
  });

  test('as documents of the embedded metric format among the log lines', async () => {
    const names = (): string[] => lines().flatMap((line) => metricNames(line));
    const expected = ['request_size', 'agent_processing_time', 'response_size'];
    expected.push('delivery_response_time', 'total_conversation_time');
    await until(() => expected.every((name) => names().includes(`Webhook.${name}`)));
    for (const name of ['OperationDuration', 'RecordCount', 'OperationSuccess']) {
      await until(() => names().includes(name));
    }
    const documents = lines().filter((line) => line._aws !== undefined);
    for (const document of documents) checkEmbedded(document);
    const namespaces = documents.map((line) => (line._aws as Embedded).CloudWatchMetrics[0]?.Namespace);
    assert.deepEqual([...new Set(namespaces)].sort(), ['RevOps/WebhookGateway', 'RevOpsAI/Firebolt']);
  });

  test('without a key from an allowed network', async () => {
    const open = await startServer({
      SIGNALBOX_DATA_DIR: join(folder, 'open'),
      SIGNALBOX_API_KEYS: `watcher:admin:${key}`,
      SIGNALBOX_MONITORING_ALLOW: '192.0.2.0/24,127.0.0.0/8',
    });
    const statusOf = async (path: string) => (await fetch(`${open.url}${path}`)).status;
    const statuses = [
      await statusOf('/metrics'),
      await statusOf('/health'),
      await statusOf('/conversations'),
    ];
    await open.stop();
    assert.deepEqual(statuses, [200, 200, 401]);
  });
});

interface Embedded {
  readonly CloudWatchMetrics: readonly {
    readonly Namespace: string;
    readonly Dimensions: readonly (readonly string[])[];
    readonly Metrics: readonly { readonly Name: string }[];
  }[];
}

/** The names of the metrics of a document; throws when what it names is not in it. */
function metricNames(line: Record<string, unknown>): string[] {
  const embedded = line._aws as Embedded | undefined;
  return (embedded?.CloudWatchMetrics ?? []).flatMap(({ Dimensions, Metrics }) => {
    for (const dimension of Dimensions.flat()) assert.equal(typeof line[dimension], 'string', dimension);
    for (const { Name } of Metrics) assert.equal(typeof line[Name], 'number', Name);
    return Metrics.map(({ Name }) => Name);
  });
}

describe('the log', () => {
  const reference = readFileSync(join(import.meta.dirname, '../docs/reference/observability.md'), 'utf8');
  const section = reference.slice(reference.indexOf('## Saved queries'));
  const queries = [...section.slice(0, section.indexOf('\n## ', 5)).matchAll(/```\n([\s\S]*?)```/g)]
    .flatMap(([, block]) => block!.trim().split('\n\n'))
    .map((query) => query.replace(/\s*\n\s*/g, ' '));
  const traceId = '0af7651916cd43dd8448eb211c80319c';

  before(async () => {
    const traceparent = `00-${traceId}-b7ad6b7169203331-01`;
    await ask({ source_process: 'traced' }, { traceparent });
    await until(completed);
    const body = JSON.stringify({
      definition_id: 'query',
      input_data: { query: 'What deals are closing this quarter?' },
      execution_id: 'a-saved-query',
    });
    const headers = { ...authorization, 'content-type': 'application/json' };
    assert.equal(
      (await fetch(`${server.url}/workflows/trigger`, { method: 'POST', headers, body })).status,
      202,
    );
    receiver.next(answer(410));
    await ask({ source_process: 'gone' });
    await until(() => lines().some((line) => line.delivery_status === 'failed' && line.level === 'ERROR'));
    // The lines of the record come after what it tells of is durable: that of the end last.
    const ends = () => lines().filter((line) => line.event_type === 'WEBHOOK_CONVERSATION_COMPLETED');
    await until(() => ends().length >= 4);
  });

  test('every saved filter and query of the reference finds lines, and not all of them', () => {
    const texts = server
      .output()
      .split('\n')
      .filter((line) => line.startsWith('{'));
    assert.ok(queries.length >= 10, `${queries.length} queries`);
    for (const query of queries) {
      const found = texts.filter(filterOf(query)).length;
      assert.ok(found > 0 && found < texts.length, `${query} finds ${found} of ${texts.length}`);
    }
    // Each can fail.
    assert.equal(texts.filter(filterOf('{ $.event_type = "WEBHOOK_NO_SUCH_EVENT" }')).length, 0);
    assert.equal(texts.filter(filterOf('"Bedrock Agent attempt 99"')).length, 0);
    assert.equal(texts.filter(filterOf('filter total_time_ms > 99999999')).length, 0);
  });

  test('lines of a conversation have its run and its trace, which is that of its sender', () => {
    const ofConversations = lines().filter(
      (line) => typeof line.tracking_id === 'string' && line._aws === undefined,
    );
    assert.ok(ofConversations.length > 20);
    for (const line of ofConversations) {
      assert.match(String(line.trace_id), /^[0-9a-f]{32}$/, JSON.stringify(line));
      assert.match(String(line.run_id), /^[0-9a-f-]{36}$/, JSON.stringify(line));
    }
    const traced = ofConversations.filter((line) => line.trace_id === traceId);
    assert.equal(new Set(traced.map((line) => line.tracking_id)).size, 1);
    const own = ofConversations.filter((line) => line.tracking_id === traced[0]!.tracking_id);
    assert.equal(own.length, traced.length);
    const other = ofConversations.find((line) => line.trace_id !== traceId)!;
    assert.equal(other.trace_id, String(other.tracking_id).replaceAll('-', ''));
  });
});

describe('a profile', () => {
  test('of the running process, by the command and for administrators alone', {
    timeout: 60_000,
  }, async () => {
    const file = join(folder, 'server.cpuprofile');
    const child = spawn('bin/signalbox', ['profile', '--seconds', '1', '--out', file, '--json'], {
      cwd: join(import.meta.dirname, '..'),
      env: { PATH: process.env.PATH, SIGNALBOX_URL: server.url, SIGNALBOX_API_KEY: key },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    let printed = '';
    child.stdout.on('data', (chunk) => {
      printed += chunk;
    });
    const ended = once(child, 'close');
    await ask();
    assert.deepEqual(await ended, [0, null]);
    const { heap } = JSON.parse(printed) as { heap: { used_bytes: number; taken_by: unknown[] } };
    assert.ok(heap.used_bytes > 1e6);
    const profile = JSON.parse(readFileSync(file, 'utf8')) as {
      nodes: { id: number; callFrame: { functionName: string }; children?: number[] }[];
      samples: number[];
      timeDeltas: number[];
      startTime: number;
      endTime: number;
    };
    assert.ok(profile.endTime - profile.startTime >= 900_000);
    assert.equal(profile.samples.length, profile.timeDeltas.length);
    const ids = new Set(profile.nodes.map(({ id }) => id));
    assert.ok(profile.samples.every((id) => ids.has(id)));
    assert.equal((await fetch(`${server.url}/profile`, { method: 'POST' })).status, 401);
  });

  test('one at a time, and no longer than somebody waits for it', async () => {
    const gone = new AbortController();
    const url = `${server.url}/profile?seconds=120`;
    const first = fetch(url, { method: 'POST', headers: authorization, signal: gone.signal }).catch(() => {});
    const short = `${server.url}/profile?seconds=1`;
    let second = 0;
    while (second !== 409) {
      second = (await fetch(short, { method: 'POST', headers: authorization })).status;
      assert.ok(second === 409 || second === 200, String(second));
    }
    gone.abort();
    await first;
    const end = Date.now() + 10_000;
    while ((await fetch(short, { method: 'POST', headers: authorization })).status !== 200) {
      assert.ok(Date.now() < end);
    }
    const tooLong = await fetch(`${server.url}/profile?seconds=121`, {
      method: 'POST',
      headers: authorization,
    });
    assert.equal(tooLong.status, 422);
  });
});
