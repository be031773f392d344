import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { after, before, beforeEach, describe, test } from 'node:test';
import { LambdaClient } from '@aws-sdk/client-lambda';
import { AwsLambdaApi } from './aws.ts';

const arn = 'arn:aws:lambda:us-east-1:123456789012:function:f:1/durable-execution/name/id';

interface Answer {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: unknown;
}

interface Request {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingMessage['headers'];
  readonly body: string;
}

/** Answers as AWS documents it, one answer after the other, and keeps what it was asked. */
const answers: Answer[] = [];
const asked: Request[] = [];
const server = createServer(async (request, response) => {
  const { method = '', url: path = '', headers } = request;
  asked.push({ method, path: decodeURIComponent(path), headers, body: await text(request) });
  const { status, headers: given, body } = answers.shift() ?? { status: 500 };
  response.writeHead(status, { 'content-type': 'application/json', ...given });
  response.end(body === undefined ? '' : JSON.stringify(body));
});

let api: AwsLambdaApi;

const clientOf = (of: typeof server) =>
  new LambdaClient({
    region: 'us-east-1',
    endpoint: `http://127.0.0.1:${(of.address() as AddressInfo).port}`,
    credentials: { accessKeyId: 'id', secretAccessKey: 'secret' },
    maxAttempts: 1,
  });

const refused = (status: number, type: string): Answer => ({
  status,
  headers: { 'x-amzn-errortype': type },
  body: { Type: 'User', message: 'no' },
});

describe('the API of AWS Lambda', () => {
  before(async () => {
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    api = new AwsLambdaApi({ functionName: 'f', qualifier: '1', client: clientOf(server) });
  });
  after(() => server.close());
  beforeEach(() => {
    asked.length = 0;
    answers.length = 0;
  });

  test('starts an execution by name, asynchronously', async () => {
    answers.push({ status: 202, headers: { 'x-amz-durable-execution-arn': arn } });
    assert.deepEqual(await api.start('name', '{"a":1}'), { arn });
    const [{ method, path, headers, body }] = asked as [Request];
    assert.deepEqual(
      [method, path, body],
      ['POST', '/2015-03-31/functions/f/invocations?Qualifier=1', '{"a":1}'],
    );
    assert.equal(headers['x-amz-invocation-type'], 'Event');
    assert.equal(headers['x-amz-durable-execution-name'], 'name');
  });

  test('a name that is taken is a conflict; a function without durable executions is named', async () => {
    answers.push(refused(409, 'DurableExecutionAlreadyStartedException'), { status: 202 });
    await assert.rejects(api.start('name', '{}'), { code: 'conflict', message: /name/ });
    await assert.rejects(api.start('name', '{}'), { code: 'config_invalid', message: /f:1/ });
  });

  test('completes a callback; one that is closed or no more is said to be', async () => {
    answers.push(
      { status: 200, body: {} },
      refused(400, 'CallbackTimeoutException'),
      refused(404, 'ResourceNotFoundException'),
    );
    assert.equal(await api.completeCallback('callback', '"value"'), 'completed');
    assert.equal(asked[0]!.path, '/2025-12-01/durable-execution-callbacks/callback/succeed');
    assert.equal(asked[0]!.body, '"value"');
    assert.equal(await api.completeCallback('callback', '1'), 'closed');
    assert.equal(await api.completeCallback('callback', '1'), 'closed');
  });

  test('stops and reads an execution; one that is not kept is nothing', async () => {
    answers.push(
      { status: 200, body: { StopTimestamp: 1_795_000_000 } },
      refused(404, 'ResourceNotFoundException'),
      { status: 200, body: { DurableExecutionArn: arn, Status: 'STOPPED', EndTimestamp: 1_795_000_000 } },
      refused(404, 'ResourceNotFoundException'),
    );
    await api.stop(arn, { type: 'run_cancelled', message: 'enough' });
    assert.deepEqual(JSON.parse(asked[0]!.body), { ErrorType: 'run_cancelled', ErrorMessage: 'enough' });
    await api.stop(arn, { type: 'run_cancelled', message: 'enough' });
    assert.deepEqual(await api.get(arn), { status: 'STOPPED', endedAt: 1_795_000_000_000 });
    assert.equal(await api.get(arn), undefined);
  });

  test('reads the history page by page, operations alone', async () => {
    const at = (EventTimestamp: number, EventType: string, rest: object = {}) => {
      return { EventTimestamp, EventType, Name: '0 run a', ...rest };
    };
    answers.push(
      {
        status: 200,
        body: {
          Events: [
            at(1, 'ExecutionStarted'),
            at(2, 'StepStarted'),
            at(3, 'StepSucceeded', { StepSucceededDetails: { Result: { Payload: '{}' } } }),
          ],
          NextMarker: 'next',
        },
      },
      {
        status: 200,
        body: {
          Events: [
            at(4, 'WaitStarted', { WaitStartedDetails: { Duration: 5, ScheduledEndTimestamp: 9 } }),
            at(5, 'CallbackStarted', { CallbackStartedDetails: { CallbackId: 'c', Timeout: 60 } }),
            at(65, 'CallbackTimedOut'),
          ],
        },
      },
    );
    const name = '0 run a';
    assert.deepEqual(await api.history(arn), [
      { kind: 'step', change: 'started', name, at: 2_000 },
      { kind: 'step', change: 'succeeded', name, at: 3_000, result: '{}' },
      { kind: 'wait', change: 'started', name, at: 4_000, dueAt: 9_000 },
      { kind: 'callback', change: 'started', name, at: 5_000, dueAt: 65_000 },
      { kind: 'callback', change: 'timed out', name, at: 65_000 },
    ]);
    assert.match(asked[1]!.path, /Marker=next/);
  });

  test('what AWS cannot do now is said to be unavailable', async () => {
    answers.push(refused(429, 'TooManyRequestsException'));
    await assert.rejects(api.get(arn), { code: 'engine_unavailable', retryable: true });
  });

  test('a function that cannot be used is said to be, with what to do; what may get better is a warning', async () => {
    answers.push(
      { status: 200, body: { FunctionName: 'f', DurableConfig: { ExecutionTimeout: 3_600 } } },
      { status: 200, body: { FunctionName: 'f' } },
      refused(404, 'ResourceNotFoundException'),
      refused(403, 'UnrecognizedClientException'),
      refused(403, 'AccessDeniedException'),
      refused(500, 'ServiceException'),
    );
    assert.equal(await api.check(), undefined);
    assert.equal(asked[0]!.path, '/2015-03-31/functions/f/configuration?Qualifier=1');
    await assert.rejects(api.check(), { code: 'config_invalid', message: /created with a durable/ });
    await assert.rejects(api.check(), { code: 'config_invalid', message: /Set SIGNALBOX_LAMBDA_FUNCTION/ });
    await assert.rejects(api.check(), { code: 'config_invalid', message: /a key that AWS knows/ });
    assert.match((await api.check())!, /lambda:GetFunctionConfiguration/);
    assert.match((await api.check())!, /could not be looked at/);
  });

  test('without a region it says so', async () => {
    const client = new LambdaClient({
      region: async () => {
        throw new Error('Region is missing');
      },
    });
    const unplaced = new AwsLambdaApi({ functionName: 'f', qualifier: '1', client });
    await assert.rejects(unplaced.check(), { code: 'config_invalid', message: /Set AWS_REGION/ });
  });

  test('who may not look at the function may start runs all the same', async () => {
    answers.push(refused(500, 'ServiceException'), refused(403, 'AccessDeniedException'));
    const other = new AwsLambdaApi({ functionName: 'f', qualifier: '1', client: clientOf(server) });
    assert.match((await other.check())!, /could not be looked at/);
    assert.equal(await other.problem(), undefined);
  });

  test('a problem is one until AWS answers again', async () => {
    const answer = { status: 200, body: { Status: 'RUNNING' } };
    answers.push(answer);
    await api.get(arn);
    assert.equal(await api.problem(), undefined);
    answers.push(refused(500, 'ServiceException'), refused(500, 'ServiceException'));
    await assert.rejects(api.get(arn));
    assert.match((await api.problem())!, /could not be looked at/);
    const calls = asked.length;
    assert.match((await api.problem())!, /could not be looked at/);
    assert.equal(asked.length, calls, 'it is not asked all the time');
    answers.push(answer);
    await api.get(arn);
    assert.equal(await api.problem(), undefined);
  });
});
