import { createHash } from 'node:crypto';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { canonicalJson } from '../../core/canonical-json.ts';
import { type ErrorCode, errorCatalogue, SignalboxError } from '../../core/errors.ts';
import { uuidv7 } from '../../core/ids.ts';
import { parseStrictJson } from '../../core/strict-json.ts';
import type { Run } from '../../engine/engine.ts';
import type { InvocationOutput } from '../../flows/invocation/invocation.ts';
import type { AgentSender } from '../../identity/agent-tokens.ts';
import { type AgentRequest, answerEnvelope, errorEnvelope, parseAgentRequest } from '../agent-envelope.ts';
import { doorOf } from '../door.ts';
import type { AgentDoor, AppPorts } from '../ports.ts';
import { toSignalboxError } from '../problem.ts';
import type { Quotas } from '../quotas.ts';
import { agentAnswerShape, agentErrorShape, agentRequestShape } from '../shapes/agent.ts';

const refusal = { description: 'What failed, and what may be done about it.', ...agentErrorShape };
const schema = {
  summary: 'Ask an agent, as an agent of another process',
  description:
    'Authorised by a token for this one request, signed with Ed25519 (docs/reference/identity.md). Asked again with the same idempotency key and payload it gives the first answer.',
  acceptedBody: agentRequestShape,
  response: {
    200: agentAnswerShape,
    ...Object.fromEntries([400, 404, 409, 422, 429, 500, 502, 503].map((status) => [status, refusal])),
  },
};

type Params = { Params: { name: string } };

const keptMs = 24 * 3_600_000;
/** A balancer may cut off who says nothing for a minute; whoever asks again meanwhile waits for the same run. */
const patienceMs = 25_000;

/** `POST /agents/{name}/invoke`: a question of an agent elsewhere, which waits for its answer. */
export function registerAgents(app: FastifyInstance, ports: AppPorts, quotas: Quotas): void {
  const clock = ports.options.clock ?? Date.now;
  const config = { callerIsVerified: true };
  app.post<Params>('/agents/:name/invoke', { config, schema }, async (request, reply) => {
    const body = Buffer.isBuffer(request.body) ? request.body : Buffer.alloc(0);
    const { door, sender } = await senderOf(ports, request, body);
    // Who sends is known; from here on errors are envelopes.
    let asked: AgentRequest | undefined;
    try {
      await quotas.takeForWebhook(reply, `agent ${sender.issuer}`, undefined);
      const { name: agent } = request.params;
      asked = parseAgentRequest(parseStrictJson(body), { agent, source: sender.agent });
      return await answered(ports, door, { agent, sender, asked, reply });
    } catch (thrown) {
      return refused(ports, reply, toSignalboxError(thrown, request), { asked, at: clock(), thrown });
    }
  });
}

async function senderOf({ agents, callers }: AppPorts, request: FastifyRequest<Params>, body: Buffer) {
  const { name } = request.params;
  const [scheme, token] = (request.headers.authorization ?? '').split(' ');
  if (agents === undefined || callers.publicUrl === undefined) {
    throw new SignalboxError(
      'unauthenticated',
      'No agent may call here: SIGNALBOX_AGENT_CALLERS and SIGNALBOX_PUBLIC_URL say who may.',
    );
  }
  if (scheme?.toLowerCase() !== 'bearer' || token === undefined) {
    throw new SignalboxError('unauthenticated', 'No token was sent. Agents send one for each request.');
  }
  const audience = `${callers.publicUrl}/agents/${name}`;
  const sender = await agents.verifier.verify(token, audience, body);
  return { door: agents, sender };
}

interface Invocation {
  readonly agent: string;
  readonly sender: AgentSender;
  readonly asked: AgentRequest;
  readonly reply: FastifyReply;
}

async function answered(
  { engine, options }: AppPorts,
  { flow, names }: AgentDoor,
  { agent, sender, asked, reply }: Invocation,
) {
  if (!names.includes(agent)) throw unknownAgent(agent, names);
  const { question, sessionId, metadata } = asked;
  const input = { agent, question, sessionId, issuer: sender.issuer, sourceAgent: sender.agent };
  const now = (options.clock ?? Date.now)();
  // Each attempt of who asks has a span of its own, and is the same question.
  const traced = { ...input, ...doorOf(reply.request).trace };
  const started = await engine.start(flow, traced, { idempotency: idempotencyOf(input, metadata, now) });
  const run = await endOf(engine, started.runId);
  const { answer, error } = outputOf(run);
  if (!started.created) reply.header('idempotent-replayed', 'true');
  if (answer === null) throw new FailedForGood(error);
  return answerEnvelope(metadata, run.runId, answer, run.endedAt ?? now);
}

/** When and how it is sent is no part of what is asked. */
function idempotencyOf(input: object, metadata: AgentRequest['metadata'], now: number) {
  const { issuer, agent } = input as { issuer: string; agent: string };
  const key = sha256(metadata.idempotency_key);
  return {
    key: `agent:${issuer.length}:${issuer}:${agent}:${key}`,
    fingerprint: sha256(canonicalJson({ ...input, version: metadata.version })),
    expiresAt: now + keptMs,
  };
}

const sha256 = (text: string) => createHash('sha256').update(text).digest('hex');

async function endOf(engine: AppPorts['engine'], runId: string): Promise<Run> {
  const signal = AbortSignal.timeout(patienceMs);
  try {
    return await engine.wait(runId, { signal });
  } catch (error) {
    if (!signal.aborted) throw error;
    throw new SignalboxError(
      'idempotency_in_progress',
      'The agent is still at work. Send the request again with the same idempotency key: it waits for the same answer.',
      { retryAfterMs: 1_000 },
    );
  }
}

function outputOf(run: Run): InvocationOutput {
  if (run.status === 'succeeded') return run.output as InvocationOutput;
  const { code = 'agent_failed', message = `The run is ${run.status}.` } = run.error ?? {};
  return { answer: null, error: { code, message } };
}

/** What the agent ended with: the same for whoever asks with the same key. */
class FailedForGood extends SignalboxError {
  constructor(error: InvocationOutput['error']) {
    const { code, message } = error ?? { code: 'agent_failed', message: 'It said nothing.' };
    super(code in errorCatalogue ? (code as ErrorCode) : 'agent_failed', message, { retryable: false });
  }
}

function refused(
  { log }: AppPorts,
  reply: FastifyReply,
  error: SignalboxError,
  { asked, at, thrown }: { asked: AgentRequest | undefined; at: number; thrown: unknown },
) {
  const isFinal = error instanceof FailedForGood;
  const status = isFinal ? 502 : error.status;
  if (error.code === 'internal_error') {
    const path = reply.request.url.split('?', 1)[0]!;
    log.requestFailed({ method: 'POST', path, status, code: error.code, error: thrown });
  }
  if (error.retryAfterMs !== undefined) reply.header('retry-after', Math.ceil(error.retryAfterMs / 1_000));
  const traceId = asked?.metadata.request_id ?? uuidv7(at);
  const envelope = errorEnvelope(asked?.metadata ?? null, error, {
    at,
    traceId,
    ...(isFinal && { isFinal }),
  });
  return reply.code(status).type('application/json; charset=utf-8').send(envelope);
}

const unknownAgent = (name: string, names: readonly string[]) =>
  new SignalboxError(
    'not_found',
    `There is no agent ${JSON.stringify(name.slice(0, 80))}; there is ${names.join(', ')}.`,
  );
