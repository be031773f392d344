import fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify';
import { SignalboxError } from '../core/errors.ts';
import { parseStrictJson } from '../core/strict-json.ts';
import { checkCaller, nameScopes, requireScope, restrict } from './access.ts';
import { auditActs } from './audit.ts';
import { answerAsProblems, answerBrokenRequest } from './broken-request.ts';
import { allowOrigins } from './cors.ts';
import { Streams } from './event-stream/streams.ts';
import { InboundDoor } from './inbound-door.ts';
import { registerMetrics, unlessAllowed } from './monitoring.ts';
import { registerDocumentation } from './openapi/routes.ts';
import { registerPages, sendErrorPage } from './page/pages.ts';
import type { AppOptions, AppPorts } from './ports.ts';
import { sendProblem, toSignalboxError } from './problem.ts';
import { refuseUnknownParameters } from './query-parameters.ts';
import { createQuotas } from './quotas.ts';
import {
  checkForm,
  refuseCharset,
  refuseEncoding,
  refuseOddQuery,
  refuseVastNumbers,
} from './request-form.ts';
import { registerAgents } from './routes/agents.ts';
import { registerAlarmSilence, registerAlarms, registerAlarmTest } from './routes/alarms.ts';
import { createAccept, registerAsk } from './routes/ask.ts';
import { registerAudit } from './routes/audit.ts';
import { registerConversationEvents } from './routes/conversation-events.ts';
import { registerConversations, registerStatus } from './routes/conversations.ts';
import { registerDeadLetters, registerReplay } from './routes/dead-letters.ts';
import { registerEventsHandshake, registerSourceHandshake } from './routes/delivery-handshake.ts';
import { registerEncryption, registerRotation } from './routes/encryption.ts';
import { registerEnable, registerEndpoints } from './routes/endpoints.ts';
import { registerErase } from './routes/erase.ts';
import { registerEvents } from './routes/events.ts';
import { registerExecutionChanges, registerExecutions } from './routes/executions.ts';
import { registerExportStart, registerExports } from './routes/exports.ts';
import { registerHealth, registerProbes } from './routes/health.ts';
import { registerInboundEvents } from './routes/inbound-events.ts';
import { registerKeys } from './routes/keys.ts';
import { registerLogEvents } from './routes/log-events.ts';
import { registerProfile } from './routes/profile.ts';
import { registerProjections, registerRebuild } from './routes/projections.ts';
import { registerRunChanges, registerRuns } from './routes/runs.ts';
import { registerSearch } from './routes/search.ts';
import { checkFileSources, registerSourceChanges, registerSources } from './routes/sources.ts';
import { registerStatistics } from './routes/statistics.ts';
import { registerTrigger } from './routes/trigger.ts';
import { registerWebhooks } from './routes/webhooks.ts';
import { addSecurityHeaders } from './security-headers.ts';
import { createStartables } from './startables.ts';
import { UnsentAnswers } from './unsent-answers.ts';
import { collectRoutes, type ServedRoute, zone } from './zones.ts';

declare module 'fastify' {
  interface FastifyRequest {
    /** A JSON body as it came: reading it may round its numbers. */
    rawBody?: Buffer;
  }
}

export interface App {
  /** It has not listened. */
  readonly server: FastifyInstance;
  /** Every route with its zone; complete once the server is ready. */
  readonly routes: () => readonly ServedRoute[];
  /** From now on it is not ready, and asks for other connections; requests are taken as before. */
  drain(): void;
  /** From now on every request is answered 503 `shutting_down`, and event streams end. */
  stopAccepting(): void;
}

/** Puts the HTTP application together. */
export async function buildApp(ports: AppPorts): Promise<App> {
  const server = createServer(ports);
  const routes = collectRoutes(server);
  const streams = new Streams(ports.options.streamLimit);
  let draining = false;
  let stopping = false;
  server.addHook('onRequest', async (request) => {
    checkForm(request.raw);
    if (stopping && !request.url.startsWith('/health')) throw shuttingDown();
  });
  server.addHook('onSend', async (_, reply) => {
    if (draining) reply.header('connection', 'close');
  });
  allowOrigins(server, ports.options.corsOrigins ?? []);
  server.addHook('onRequest', checkCaller(ports.callers));
  server.addHook('preHandler', refuseVastNumbers);
  server.addHook('preHandler', refuseOddQuery);
  addErrors(server, ports, routes);
  const isDraining = () => draining;
  if (ports.options.servesHealthAlone) await addHealth(server, ports, isDraining);
  else await addZones(server, ports, streams, isDraining, routes);
  return {
    server,
    routes,
    drain() {
      draining = true;
    },
    stopAccepting() {
      draining = true;
      stopping = true;
      streams.close();
    },
  };
}

/** So many connections at once; the next ones are closed. */
const usualConnections = 10_000;

function createServer({ options }: AppPorts): FastifyInstance {
  const { requestTimeoutMs = 30_000, connectionLimit = usualConnections } = options;
  const server = fastify({
    bodyLimit: options.bodyLimitBytes,
    requestTimeout: requestTimeoutMs,
    // Node looks for requests that take too long every 30 s unless it is told otherwise.
    http: {
      requireHostHeader: false,
      headersTimeout: requestTimeoutMs,
      connectionsCheckingInterval: Math.min(5_000, requestTimeoutMs),
    },
    keepAliveTimeout: 72_000,
    return503OnClosing: false,
    forceCloseConnections: 'idle',
    routerOptions: { maxParamLength: 256 },
    // These are answered before there is a route, and so without its hooks.
    frameworkErrors: (error, _, reply) => {
      addSecurityHeaders(reply as FastifyReply);
      sendProblem(reply as FastifyReply, toSignalboxError(error));
    },
    clientErrorHandler: answerBrokenRequest,
    // A request is not changed to fit: no values are turned into others, no unknown parameters are dropped.
    ajv: { customOptions: { removeAdditional: false, coerceTypes: true, allErrors: true } },
  });
  server.server.maxConnections = connectionLimit;
  // Node leaves out headers beyond a number, silently; their size is bounded anyway.
  server.server.maxHeadersCount = 0;
  answerAsProblems(server.server);
  // The schemas of answers describe; nothing is left out or changed by them.
  server.setSerializerCompiler(() => (answer) => JSON.stringify(answer));
  server.removeAllContentTypeParsers();
  const parseJson = async (request: FastifyRequest, body: Buffer) => {
    refuseEncoding(request);
    refuseCharset(request);
    request.rawBody = body;
    return parseStrictJson(body);
  };
  server.addContentTypeParser('application/json', { parseAs: 'buffer' }, parseJson);
  const unsent = new UnsentAnswers();
  server.addHook('onSend', async (_, reply, payload) => {
    addSecurityHeaders(reply);
    return unsent.admit(reply, payload);
  });
  return server;
}

/** Bodies as they came, of any type: they are read once they are verified. */
function takeBytes(app: FastifyInstance): void {
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('*', { parseAs: 'buffer' }, async (request: FastifyRequest, body: Buffer) => {
    refuseEncoding(request);
    return body;
  });
}

async function addZones(
  server: FastifyInstance,
  ports: AppPorts,
  streams: Streams,
  isDraining: () => boolean,
  routes: () => readonly ServedRoute[],
): Promise<void> {
  const { callers } = ports;
  const { rateLimit } = ports.options;
  const quotas = createQuotas(rateLimit, ports.rateLimits);
  const accept = createAccept(ports);
  const startables = createStartables(ports);
  await checkFileSources(ports, startables);
  const door = new InboundDoor(ports);
  await zone(server, 'senders', async (senders) => {
    await senders.register(async (sending) => {
      restrict(sending, callers, 'ingest');
      registerAsk(sending, ports, accept, quotas);
      registerTrigger(sending, ports, startables, quotas);
    });
    await senders.register(async (following) => {
      refuseUnknownParameters(following);
      restrict(following, callers, 'ingest', 'read');
      registerStatus(following, ports);
      registerEvents(following, ports, streams);
    });
    await senders.register(async (delivering) => {
      takeBytes(delivering);
      restrict(delivering, callers, 'ingest');
      registerInboundEvents(delivering, ports, startables, quotas);
      registerEventsHandshake(delivering, ports);
    });
    await senders.register(async (signing) => {
      takeBytes(signing);
      registerSourceHandshake(signing, ports);
      registerWebhooks(signing, ports, startables, quotas, door);
      registerAgents(signing, ports, quotas);
    });
  });
  await zone(server, 'operators', async (operators) => {
    auditActs(operators, ports);
    await operators.register(async (reading) => {
      refuseUnknownParameters(reading);
      restrict(reading, callers, 'read');
      registerConversations(reading, ports);
      registerExports(reading, ports);
      registerConversationEvents(reading, ports, streams);
      registerLogEvents(reading, ports, streams);
      registerSearch(reading, ports);
      registerStatistics(reading, ports);
      registerProjections(reading, ports);
      registerEncryption(reading, ports);
      registerDeadLetters(reading, ports);
      registerSources(reading, ports);
      registerEndpoints(reading, ports);
      registerRuns(reading, ports);
      registerAlarms(reading, ports);
      registerExecutions(reading, ports, startables);
    });
    await operators.register(async (monitoring) => registerMonitoring(monitoring, ports));
    await operators.register(async (operating) => {
      refuseUnknownParameters(operating);
      restrict(operating, callers, 'operate');
      registerReplay(operating, ports);
      registerExportStart(operating, ports);
      registerRebuild(operating, ports);
      registerRotation(operating, ports);
      registerRunChanges(operating, ports);
      registerAlarmTest(operating, ports);
      registerAlarmSilence(operating, ports);
      registerExecutionChanges(operating, ports, startables);
      registerEnable(operating, ports);
    });
    await operators.register(async (administering) => {
      refuseUnknownParameters(administering);
      restrict(administering, callers, 'admin');
      registerSourceChanges(administering, ports, startables);
      registerKeys(administering, ports);
      registerErase(administering, ports);
      registerAudit(administering, ports);
      registerProfile(administering, ports);
    });
    await operators.register(async (pages) => registerPages(pages, ports, accept));
    await operators.register(async (documenting) => {
      restrict(documenting, callers, 'ingest', 'read');
      registerDocumentation(documenting, ports, routes);
    });
  });
  await zone(server, 'probes', async (probes) => registerProbes(probes, ports, isDraining));
}

async function addHealth(server: FastifyInstance, ports: AppPorts, isDraining: () => boolean): Promise<void> {
  await zone(server, 'operators', async (operators) => {
    await operators.register(async (monitoring) => registerMonitoring(monitoring, ports));
    await operators.register(async (administering) => {
      restrict(administering, ports.callers, 'admin');
      registerProfile(administering, ports);
    });
  });
  await zone(server, 'probes', async (probes) => registerProbes(probes, ports, isDraining));
}

function registerMonitoring(app: FastifyInstance, ports: AppPorts): void {
  const { monitoringNetworks } = ports.options;
  nameScopes(app, 'read');
  app.addHook('onRequest', unlessAllowed(monitoringNetworks, requireScope(ports.callers, 'read')));
  registerHealth(app, ports);
  registerMetrics(app, ports.metrics);
}

function addErrors(server: FastifyInstance, ports: AppPorts, routes: () => readonly ServedRoute[]): void {
  server.setErrorHandler((thrown, request, reply) => {
    const error = toSignalboxError(thrown, request);
    ports.metrics?.refused(error.code);
    if (error.status >= 500 && error.code !== 'shutting_down' && error.code !== 'queue_full') {
      const { method } = request;
      const path = pathOf(request);
      ports.log.requestFailed({ method, path, status: error.status, code: error.code, error: thrown });
    }
    return sendProblem(reply, error);
  });
  server.setNotFoundHandler((request, reply) => {
    const allowed = methodsOf(routes(), pathOf(request));
    ports.metrics?.refused(allowed.length === 0 ? 'not_found' : 'method_not_allowed');
    if (allowed.length === 0) return sendErrorPage(reply, notFound(request, ports.options));
    reply.header('allow', allowed.join(', '));
    return sendProblem(reply, methodNotAllowed(request, allowed));
  });
}

/** Without the query, which may hold a secret. */
const pathOf = ({ url }: FastifyRequest) => url.split('?', 1)[0]!;

function methodsOf(routes: readonly ServedRoute[], path: string): string[] {
  const matches = (url: string) => new RegExp(`^${url.replace(/:[a-z_]+/g, '[^/]+')}$`).test(path);
  return [...new Set(routes.filter((route) => matches(route.url)).map((route) => route.method))].sort();
}

function notFound({ method, url }: FastifyRequest, { servesHealthAlone }: AppOptions): SignalboxError {
  const advice = servesHealthAlone
    ? 'This process executes runs; requests go to a gateway.'
    : 'Questions go to POST /webhook.';
  return new SignalboxError('not_found', `Nothing is served at ${method} ${url.slice(0, 200)}. ${advice}`);
}

function methodNotAllowed({ method, url }: FastifyRequest, allowed: readonly string[]): SignalboxError {
  return new SignalboxError(
    'method_not_allowed',
    `${method} is not served at ${url.slice(0, 200)}; ${allowed.join(', ')} is.`,
  );
}

const shuttingDown = () =>
  new SignalboxError('shutting_down', 'The server is stopping. Send the request again in a few seconds.', {
    retryAfterMs: 5_000,
  });
