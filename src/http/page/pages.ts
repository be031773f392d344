import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { Type } from 'typebox';
import { errorCatalogue, SignalboxError } from '../../core/errors.ts';
import { parseSearch } from '../../record/search/query.ts';
import type { ConversationSummary } from '../../store/store.ts';
import { prefers } from '../accept.ts';
import { restrict } from '../access.ts';
import { parseAsk } from '../ask-body.ts';
import type { AppPorts } from '../ports.ts';
import { addProblemHeaders, sendProblem, toSignalboxError } from '../problem.ts';
import type { Accept } from '../routes/ask.ts';
import { trackingIdOf, unknownConversation } from '../routes/conversations.ts';
import { replay } from '../routes/dead-letters.ts';
import { htmlPage, text } from '../shapes/parts.ts';
import { readTimeline } from '../timeline.ts';
import { conversationPage } from './conversation.ts';
import { deadLettersPage } from './dead-letters.ts';
import { homePage } from './home.ts';
import { html } from './html.ts';
import { page, stylesheet } from './layout.ts';
import { searchPage } from './search.ts';
import { sendPage } from './send.ts';
import { askToSignIn, registerSignIn } from './sign-in.ts';

const pageAfter = Type.Object({
  after: Type.Optional(Type.String({ maxLength: 100, description: 'The page before.' })),
});
const pageSearch = Type.Object({
  q: Type.Optional(Type.String({ description: 'What to look for.' })),
  ...pageAfter.properties,
});
const seeOther = { 303: { description: 'To the page that shows it.', type: 'null' } };

const schemas = {
  home: { summary: 'Show the conversations', querystring: pageAfter, response: htmlPage },
  conversation: { summary: 'Show a conversation', querystring: pageAfter, response: htmlPage },
  search: { summary: 'Search questions and answers on a page', querystring: pageSearch, response: htmlPage },
  deadLetters: { summary: 'Show the dead letters', querystring: pageAfter, response: htmlPage },
  style: { summary: 'Give the style sheet', response: { 200: text('text/css', 'The style sheet.') } },
  ask: {
    summary: 'Ask from a page',
    acceptedBody: {
      content: {
        'application/x-www-form-urlencoded': { schema: Type.Object({ query: Type.String() }) },
      },
    },
    response: seeOther,
  },
  replay: { summary: 'Start a dead letter anew from a page', response: seeOther },
};

const pageSize = 20;
/** Of a timeline. */
const eventsOfPage = 200;
/** How long a question from the page is waited for before its page is shown without an answer. */
const patienceMs = 1_500;

/** The pages for browsers. They read and steer what the API does; none needs a script. */
export async function registerPages(app: FastifyInstance, ports: AppPorts, accept: Accept): Promise<void> {
  const { callers } = ports;
  app.setErrorHandler((thrown, request, reply) => sendErrorPage(reply, toSignalboxError(thrown, request)));
  // Forms alone: what is read as one must be one.
  app.removeAllContentTypeParsers();
  app.addContentTypeParser(
    'application/x-www-form-urlencoded',
    { parseAs: 'string', bodyLimit: 65_536 },
    async (_: FastifyRequest, body: string) => new URLSearchParams(body),
  );
  registerSignIn(app, ports);
  app.get('/style.css', { schema: schemas.style }, async (_, reply) => {
    reply.header('cache-control', 'public, max-age=31536000, immutable');
    return reply.type('text/css; charset=utf-8').send(stylesheet);
  });
  await app.register(async (reading) => {
    restrict(reading, callers, 'read');
    registerReading(reading, ports);
  });
  await app.register(async (operating) => {
    restrict(operating, callers, 'operate');
    registerOperating(operating, ports, accept);
  });
}

function registerReading(app: FastifyInstance, ports: AppPorts): void {
  const { store, engine } = ports;
  const clock = ports.options.clock ?? Date.now;

  app.get<{ Querystring: { after?: string } }>('/', { schema: schemas.home }, async (request, reply) =>
    sendPage(reply, homePage(await homeData(ports, request.query.after, clock()))),
  );

  app.get<{ Params: { tracking_id: string }; Querystring: { after?: string } }>(
    '/page/conversations/:tracking_id',
    { schema: schemas.conversation },
    async (request, reply) => {
      const trackingId = trackingIdOf(request.params.tracking_id);
      const conversation = await store.conversation(trackingId);
      if (conversation === undefined) throw unknownConversation(trackingId);
      const { after } = request.query;
      const timeline = await readTimeline(ports, trackingId, { after, limit: eventsOfPage });
      return sendPage(
        reply,
        conversationPage(conversation, { ...timeline, isFirst: after === undefined }, clock()),
      );
    },
  );
  app.get<{ Querystring: { q?: string; after?: string } }>(
    '/page/search',
    { schema: schemas.search },
    async (request, reply) => {
      const { q = '', after } = request.query;
      return sendPage(reply, searchPage(q, await searched(ports, q, after), clock()));
    },
  );

  app.get<{ Querystring: { after?: string } }>(
    '/page/dead-letters',
    { schema: schemas.deadLetters },
    async (request, reply) => {
      const { after } = request.query;
      const runs = await engine.list({ deadLetters: true, ...(after !== undefined && { after }) });
      return sendPage(reply, deadLettersPage(runs, clock()));
    },
  );
}

function registerOperating(app: FastifyInstance, ports: AppPorts, accept: Accept): void {
  app.post<{ Body: URLSearchParams }>('/page/ask', { schema: schemas.ask }, async (request, reply) => {
    const now = (ports.options.clock ?? Date.now)();
    const query = request.body?.get('query') ?? '';
    const timestamp = new Date(now).toISOString();
    const body = { query, source_system: 'signalbox', source_process: 'page', timestamp };
    const begun = { now, receivedAt: performance.now(), requestSizeBytes: Buffer.byteLength(query) };
    const { runId } = await accept(parseAsk(body, now), begun);
    await answeredOrLate(ports, runId);
    return reply.redirect(`/page/conversations/${runId}`, 303);
  });

  app.post<{ Params: { run_id: string } }>(
    '/page/dead-letters/:run_id/replay',
    { schema: schemas.replay },
    async (request, reply) => {
      await replay(ports.engine, request.params.run_id);
      return reply.redirect('/page/dead-letters', 303);
    },
  );
}

async function answeredOrLate({ follow }: AppPorts, trackingId: string): Promise<void> {
  for await (const event of follow(trackingId, { signal: AbortSignal.timeout(patienceMs) })) {
    if (event.type === 'WEBHOOK_MANAGER_AGENT_RESPONSE') return;
  }
}

async function homeData(ports: AppPorts, after: string | undefined, now: number) {
  const [about, health, counts, conversations, alarms] = await Promise.all([
    ports.about(),
    ports.health(),
    ports.store.counts(),
    ports.store.conversations({ limit: pageSize, ...(after !== undefined && { after }) }),
    ports.alarms?.alarms(),
  ]);
  const total = Object.values(counts).reduce((sum, count) => sum + count, 0);
  const answers = await answerStarts(ports, conversations.conversations);
  const stats = ports.engine.stats();
  const firing = (alarms ?? []).filter(({ state }) => state?.status === 'firing');
  return { about, health, firing, stats, total, conversations, answers, newest: after === undefined, now };
}

async function searched({ store }: AppPorts, text: string, after: string | undefined) {
  try {
    const query = parseSearch(text);
    return await store.search({ query, limit: pageSize, ...(after !== undefined && { after }) });
  } catch (error) {
    if (error instanceof SignalboxError && error.code === 'invalid_request')
      return { problem: error.message };
    throw error;
  }
}

async function answerStarts({ store }: AppPorts, rows: readonly ConversationSummary[]) {
  const answered = rows.filter((row) => row.answeredAt !== null);
  const conversations = await Promise.all(answered.map((row) => store.conversation(row.trackingId)));
  return new Map(
    conversations.map((found) => {
      const text = found?.answer?.responsePlain ?? found?.error?.message ?? '';
      return [found?.trackingId ?? '', firstParagraph(text)];
    }),
  );
}

const firstParagraph = (text: string): string => text.trim().split('\n', 1)[0]!.slice(0, 280);

/** An error for people. Who is not signed in is asked to. */
export function sendErrorPage(reply: FastifyReply, error: SignalboxError): FastifyReply {
  if (!wantsPage(reply.request)) return sendProblem(reply, error);
  const { request } = reply;
  const presents = request.headers.authorization ?? request.headers['x-api-key'];
  if (error.code === 'unauthenticated' && presents === undefined && request.method === 'GET') {
    return askToSignIn(request, reply);
  }
  const { status, title } = errorCatalogue[error.code];
  addProblemHeaders(reply, error);
  const content = html`<div class="empty"><p class="code">${status}</p><h1>${title}</h1><p>${error.message}</p><p><a href="/">All conversations</a></p></div>`;
  return sendPage(reply.code(status), page({ title, content }));
}

function wantsPage(request: FastifyRequest): boolean {
  return prefers(request.headers.accept, 'text/html', 'application/problem+json');
}
