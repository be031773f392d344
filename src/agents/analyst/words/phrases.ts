/**
 * What words mean apart from measures and dimensions (semantic-layer/), which bring their own. Phrases are given in the
 * singular; the reader takes plurals, case and small misspellings away (reading.ts).
 */

export type Topic =
  | 'forecast'
  | 'coverage'
  | 'stale'
  | 'inactive'
  | 'falling'
  | 'rising'
  | 'trend'
  | 'fit'
  | 'why'
  | 'talk'
  | 'compare'
  | 'analysis'
  | 'about'
  | 'deal_status'
  | 'help'
  | 'data'
  | 'action';

export type Entity = 'deal' | 'account' | 'customer' | 'lead' | 'call' | 'product' | 'owner';
/** A column of deals that a question asks to be empty. */
export type MissingColumn = 'close_date' | 'amount' | 'owner_id' | 'next_step' | 'account_id' | 'product_id';
export type Comparator = 'over' | 'under' | 'atLeast' | 'atMost';

export type Concept =
  | { readonly kind: 'topic'; readonly value: Topic }
  | { readonly kind: 'entity'; readonly value: Entity }
  | { readonly kind: 'status'; readonly value: 'open' | 'won' | 'lost' | 'closed' | 'closing' | 'created' }
  | { readonly kind: 'order'; readonly value: 'descending' | 'ascending' | 'newest' | 'oldest' }
  | { readonly kind: 'comparator'; readonly value: Comparator }
  | { readonly kind: 'missing'; readonly value: MissingColumn }
  | { readonly kind: 'negation' | 'count' | 'group' | 'average' | 'amount' | 'stop' | 'name' | 'who' };

const topics: Readonly<Record<Topic, string>> = {
  forecast:
    'forecast, projection, forecasted, predicted, prediction, will we close, are we going to close, expected to close, on track, land at',
  coverage: 'pipeline coverage, coverage, coverage ratio',
  stale:
    'stale, stuck, stalled, stalling, slipping, slipped, rotting, dormant, neglected, overdue, past due, going cold, gone cold, at risk, risky, risk',
  inactive:
    'no activity, without activity, no call, inactive, not contacted, havent been contacted, hasnt been contacted, not contacted us, not been contacted, not been touched, not spoken to, havent spoken to, havent contacted, havent heard from, not heard from, no contact, without contact, not touched, untouched, not heard, not spoken, no touch, no recent activity, no meeting, gone quiet, gone dark',
  falling:
    'falling, dropping, declining, decreasing, shrinking, going down, down, drop, decline, decrease, churn risk, fallen, dropped, declined, losing usage, decreased, less usage, falling usage',
  rising: 'rising, growing, increasing, going up, growth, increase, grown, increased, expanding, more usage',
  trend: 'trend, trending, trajectory, over time, doing, evolve, evolving, developing, development, history',
  fit: 'good fit, fit, icp, ideal customer, qualify, qualified for u, worth pursuing, good match, match our profile, look like our customer, score, good prospect',
  why: 'why, loss reason, lost reason, reason for losing, reason we lose, reason for loss, reason',
  talk: 'talk about, talked about, discuss, discussed, speak about, spoke about, said, say, last call, latest call, call note, talk, spoken about, conversation with, mention, last conversation, last meeting, note, meeting note',
  compare:
    'compare, compared to, compared with, comparison, versus, vs, v, against, relative to, difference between, change from',
  analysis:
    'analysis, analyse, analyze, overview, breakdown, summary, report, health, picture, review, snapshot, summarise, summarize',
  about:
    'tell me about, own, responsible for, in charge of, about, 360, know about, profile, brief me on, briefing, account summary, background on, info on, information on, detail on, what do we know about',
  deal_status:
    'deal status, status, status of the deal, where do we stand, stand with, standing, state of, progress',
  help: 'help, what can you do, what can you answer, what can i ask, how do you work, example question, who are you, what do you do, what question, hello, hi, hey, thank, thank you',
  data: 'what data, which data, data do you have, which table, data set, dataset, what table, data quality, data available',
  action:
    'delete, remove, drop table, update, insert, email, send, create a, create new, change the, assign, reassign, schedule, book a, notify, call them, truncate, alter, write to, add a, set the, mark, move the, close the deal, export, cancel',
};

const entities: Readonly<Record<Entity, string>> = {
  deal: 'deal, opportunity, opp, oppty',
  account: 'account, company, organization, organisation, client, logo',
  customer: 'customer',
  lead: 'lead, prospect, mql, inbound',
  call: 'call, meeting, conversation',
  product: 'product',
  owner: 'owner, rep, sales rep, seller, salesperson, salespeople, account executive, ae, sales agent, agent',
};

const statuses = {
  open: 'open, active, in progress, ongoing, in the pipeline, in pipeline, in play, not closed, still open',
  won: 'won, win, winning, closed won, sold, sell, signed, booked, bought',
  lost: 'lost, lose, losing, closed lost, lost to',
  closed: 'closed, finished, decided',
  closing:
    'closing, close, due, due to close, expected to close, closing date, close date, set to close, about to close, land',
  created: 'new, created, opened, added, create, generated, came in, come in, get, got, incoming',
} as const;

const orders = {
  descending:
    'top, biggest, largest, best, highest, most, greatest, leading, main, most valuable, strongest, longest',
  ascending: 'bottom, smallest, lowest, worst, least, fewest, weakest, shortest',
  newest: 'newest, latest, most recent, recent, last',
  oldest: 'oldest, longest open',
} as const;

const comparators: Readonly<Record<Comparator, string>> = {
  over: 'over, above, more than, greater than, larger than, bigger than, exceeding, worth more than, higher than, >',
  under: 'under, below, less than, smaller than, lower than, cheaper than, fewer than',
  atLeast: 'at least, minimum, no less than, or more',
  atMost: 'at most, maximum, no more than, up to',
};

const missing: Readonly<Record<MissingColumn, string>> = {
  close_date: 'no close date, without close date, without a close date, missing close date',
  amount: 'no amount, without amount, without an amount, missing amount, no value, without value',
  owner_id: 'no owner, without owner, without an owner, unassigned',
  next_step: 'no next step, without next step, without a next step, missing next step',
  account_id: 'no account, without account, without an account',
  product_id: 'no product, without product, without a product',
};

const others = {
  negation:
    'not, not in, except, except for, excluding, exclude, other than, outside, outside of, but not, apart from, without, non, never, dont, didnt, doesnt, isnt, arent, wasnt, werent, havent, hasnt, wont, cannot, cant, couldnt',
  count: 'how many, number of, count, count of, how often',
  group:
    'by, per, each, across, split by, broken down by, break down by, grouped by, group by, for each, by each, breakdown by, for every, every, along',
  average: 'average, mean, avg, typical, typically',
  amount: 'amount, value, how much, worth, money, size, sum, volume, total amount, dollar',
  who: 'who, whose',
  name: 'for, at, with, in, from, of, on, account, company, customer, named, called, is, has, did, does, at the',
  stop: `a, an, the, of, is, are, was, were, be, been, am, do, does, did, we, our, ours, us, u, i, me, my, you, your, it, its, they, them, their, this,
    that, these, those, there, here, which, what, whats, when, where, how, who, show, list, give, tell, find, get, display, see, let, know, please, can,
    could, would, should, will, shall, may, might, want, need, like, look, looks, looking, have, has, had, having, for, at, with, in, on, to, from, as,
    and, or, but, if, so, then, than, all, any, some, only, just, also, right, now, currently, current, today, us, up, out, about, into, during,
    within, between, until, over, under, most, more, much, many, still, already, yet, far, per, each, every, been, being, s, t, re, ve, ll, d, m, not, no,
    going, go, make, made, come, happen, happening, happened, overall, total, entire, whole, across, team, quick, quickly, thanks, kindly, me, dear, ok,
    okay, well, actually, really, exactly, status, state, number, data, information, info, detail, result, value, table, rate, amount, percent, percentage, ratio,
    question, answer, signalbox, analyst, expected, expect, date, end, start, beginning, other, another, same, different, different, good, ask, been, say, one, ones,
    thing, stuff, worth, figure, level, pull, fetch, bring, run, query, select, biggest, back, view, open, their, his, her, hers, he, she, him, due,
    sale, sales, business, deal, customer, account, company, person, ever, year, month, week, day, quarter, since, why, because, always, never, again, it`,
} as const;

const each = <Value>(phrases: string, concept: Value): readonly (readonly [string, Value])[] =>
  phrases.split(',').map((phrase) => [phrase.trim(), concept]);

/** Ways to say things that mean them; what stands later is weaker. */
export const phrases: readonly (readonly [string, Concept])[] = [
  ...keysOf(topics).flatMap((value) => each<Concept>(topics[value], { kind: 'topic', value })),
  ...keysOf(entities).flatMap((value) => each<Concept>(entities[value], { kind: 'entity', value })),
  ...keysOf(statuses).flatMap((value) => each<Concept>(statuses[value], { kind: 'status', value })),
  ...keysOf(orders).flatMap((value) => each<Concept>(orders[value], { kind: 'order', value })),
  ...keysOf(comparators).flatMap((value) => each<Concept>(comparators[value], { kind: 'comparator', value })),
  ...keysOf(missing).flatMap((value) => each<Concept>(missing[value], { kind: 'missing', value })),
  ...(['negation', 'count', 'group', 'average', 'amount', 'who', 'name', 'stop'] as const).flatMap((kind) =>
    each<Concept>(others[kind], { kind }),
  ),
];

function keysOf<Key extends string>(record: Readonly<Record<Key, unknown>>): readonly Key[] {
  return Object.keys(record) as Key[];
}
