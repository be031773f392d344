import type { FastifyInstance } from 'fastify';
import { Type } from 'typebox';
import { SignalboxError } from '../../core/errors.ts';
import { erasedBefore, startErasing } from '../../flows/erase-again.ts';
import { anybody } from '../../identity/caller.ts';
import { mentions } from '../../record/erasure.ts';
import type { ConversationSummary } from '../../store/store.ts';
import type { AppPorts } from '../ports.ts';
import { nullable, oneOf, success, uuid } from '../shapes/parts.ts';
import { findConversation } from './conversations.ts';

const bodySchema = Type.Object(
  {
    id: Type.Optional(Type.String({ minLength: 1, maxLength: 256 })),
    source_system: Type.Optional(Type.String({ minLength: 1, maxLength: 128 })),
    subject: Type.Optional(Type.String({ minLength: 3, maxLength: 256 })),
    again: Type.Optional(Type.Literal(true)),
    dry_run: Type.Optional(Type.Boolean()),
    after: Type.Optional(Type.String({ maxLength: 100 })),
  },
  { additionalProperties: false },
);

interface EraseBody {
  readonly id?: string;
  readonly source_system?: string;
  readonly subject?: string;
  readonly again?: true;
  readonly dry_run?: boolean;
  readonly after?: string;
}

const answer = success({
  dry_run: Type.Boolean(),
  erasing: Type.Array(uuid('A tracking id.')),
  skipped: Type.Array(
    Type.Object({
      tracking_id: uuid(),
      because: oneOf(['not_complete', 'erased'], 'Why it stays as it is.'),
    }),
  ),
  run_ids: Type.Array(uuid('A run that erases; `GET /runs/{run_id}` says how far it is.')),
  next: nullable(Type.String({ description: 'There may be more: ask again with it as `after`.' })),
});

const schema = {
  summary:
    'Take the content of conversations away: by id, by source system, by what their texts mention, or again after a restore',
  body: bodySchema,
  response: { 200: answer, 202: answer },
};

/**
 * `POST /conversations/erase`: starts runs that take the content away of what was found, one piece of the record at a time; nothing is left in
 * memory between two pieces, and what was started goes on whatever becomes of the caller.
 */
export function registerErase(app: FastifyInstance, ports: AppPorts): void {
  app.post<{ Body: EraseBody }>('/conversations/erase', { schema }, async (request, reply) => {
    const { found, next } = await find(ports, request.body);
    const again = request.body.again === true;
    const erasable = found.filter((one) => (one.complete || again) && one.erasedAt === null);
    const skipped = found
      .filter((one) => !erasable.includes(one))
      .map((one) => ({
        tracking_id: one.trackingId,
        because: one.erasedAt === null ? 'not_complete' : 'erased',
      }));
    const erasing = erasable.map((one) => one.trackingId);
    const isDryRun = request.body.dry_run === true;
    const by = (request.caller ?? anybody).name;
    const runIds = isDryRun ? [] : await startErasing(ports, { trackingIds: erasing, by, again });
    request.actDetail = detailOf(request.body, erasing.length);
    reply.code(runIds.length > 0 ? 202 : 200);
    return { success: true, dry_run: isDryRun, erasing, skipped, run_ids: runIds, next };
  });
}

interface Found {
  readonly found: readonly ConversationSummary[];
  readonly next: string | null;
}

const pageOf = ({ found, next }: Awaited<ReturnType<typeof erasedBefore>>): Found => ({
  found,
  next: next ?? null,
});

const pageSize = 500;

async function find(ports: AppPorts, body: EraseBody): Promise<Found> {
  const { store } = ports;
  const { id, source_system: sourceSystem, subject, again, after } = body;
  if ([id, sourceSystem, subject, again].filter((one) => one !== undefined).length !== 1) throw oneExpected();
  if (again) return pageOf(await erasedBefore(ports, after));
  if (id !== undefined) return { found: [await findConversation(store, id)], next: null };
  if (subject !== undefined) return findMentioning(store, subject, after);
  const paging = { limit: pageSize, ...(after !== undefined && { after }) };
  const page = await store.conversations({ sourceSystem: sourceSystem!, ...paging });
  return { found: page.conversations, next: page.next ?? null };
}

/** How long one request looks through the record, and how many events at once: in between everybody else has a turn. */
const budgetMs = 250;
const eventsAtOnce = 200;

async function findMentioning(
  store: Pick<AppPorts['store'], 'texts' | 'summary'>,
  subject: string,
  after: string | undefined,
): Promise<Found> {
  let sequence = sequenceOf(after);
  const trackingIds = new Set<string>();
  for (const end = performance.now() + budgetMs; performance.now() < end && trackingIds.size < pageSize; ) {
    const events = await store.texts(sequence, eventsAtOnce);
    for (const event of events) if (mentions(event, subject)) trackingIds.add(event.trackingId);
    if (events.length < eventsAtOnce) return { found: await summaries(store, trackingIds), next: null };
    sequence = events.at(-1)!.sequence;
  }
  return { found: await summaries(store, trackingIds), next: String(sequence) };
}

async function summaries(store: Pick<AppPorts['store'], 'summary'>, trackingIds: Iterable<string>) {
  const found = await Promise.all([...trackingIds].map((trackingId) => store.summary(trackingId)));
  return found.filter((one) => one !== undefined);
}

function sequenceOf(after: string | undefined): number {
  if (after === undefined) return 0;
  if (/^\d{1,15}$/.test(after)) return Number(after);
  throw invalid('/after', 'is no cursor: the `next` of the answer before is expected');
}

/** For the audit: how many, and how they were chosen; the text of a subject is what has to go. */
function detailOf({ id, source_system: sourceSystem, subject, dry_run: isDryRun }: EraseBody, count: number) {
  const chosen =
    id !== undefined ? 'id' : sourceSystem !== undefined ? `source_system ${sourceSystem}` : undefined;
  const by = chosen ?? (subject === undefined ? 'earlier erasures' : 'subject');
  return `${count} ${count === 1 ? 'conversation' : 'conversations'} by ${by}${isDryRun ? ', only looked for' : ''}`;
}

const oneExpected = () => invalid('/', 'one of id, source_system, subject and again is expected');

const invalid = (path: string, message: string) =>
  new SignalboxError('invalid_request', `The request is not valid: ${message}.`, {
    fields: [{ path, message }],
  });
