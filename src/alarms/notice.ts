import { describeDuration } from '../core/duration.ts';
import type { Notification } from '../tools/notify/notify.ts';
import { type AlarmRule, describeValue } from './rule.ts';
import type { NoticeKind, PendingNotice } from './transition.ts';

/** Which installation tells something, and where people reach it. */
export interface Place {
  /** Short: its address, or machine and port. */
  readonly name: string;
  /** Where its pages are; undefined where nobody but the machine itself gets there. */
  readonly url?: string;
}

interface Words {
  readonly title: string;
  /** What somebody who was woken up does first. */
  readonly toDo: string;
  /** The page to look at where no conversation shows it. */
  readonly page: string;
}

const words: Readonly<Record<AlarmRule['name'], Words>> = {
  error_rate: {
    title: 'Too many conversations fail',
    toDo: 'signalbox conversations list --status failed (and delivery_failed); GET /health says how agent and receivers are',
    page: '/',
  },
  processing_time: {
    title: 'A question takes too long',
    toDo: 'signalbox conversations list --status processing; signalbox runs show ID says at which step it is; resume, cancel or terminate ends it',
    page: '/',
  },
  queue_age: {
    title: 'Questions wait too long for their turn',
    toDo: 'signalbox runs list --status running says what has the places; GET /health, signalbox profile; another worker helps where there can be several',
    page: '/',
  },
  delivery_age: {
    title: 'Answers do not arrive',
    toDo: 'Look at the receiver, and at GET /health (delivery). Nothing is lost: once it answers, deliveries go on by themselves',
    page: '/',
  },
  dead_letters: {
    title: 'There are dead letters',
    toDo: 'signalbox dead-letters list says why; once that is mended: signalbox dead-letters replay RUN_ID, or --all',
    page: '/page/dead-letters',
  },
  objects_away: {
    title: 'The store of objects is away',
    toDo: 'Look at GET /health (objects). Nothing is lost: questions and deliveries go on, and exports and large values once it is back, by themselves',
    page: '/',
  },
  verification_failures: {
    title: 'Many webhooks are refused',
    toDo: 'GET /sources/{source}/refusals says why: a wrong secret, or somebody forges them',
    page: '/',
  },
  missed_schedules: {
    title: 'Schedules were missed',
    toDo: 'signalbox executions list says what was started',
    page: '/',
  },
};

const prefixes: Readonly<Record<NoticeKind, string>> = {
  firing: '',
  worse: 'Worse: ',
  reminder: 'Still: ',
  resolved: 'Over: ',
};

/** What people are told: what, where, since when, and what to do. */
export function noticeOf(rule: AlarmRule, pending: PendingNotice, place: Place): Notification {
  const { id, kind, at, since, detail, trackingId } = pending;
  const { title, toDo, page } = words[rule.name];
  const isOver = kind === 'resolved';
  const lasted = kind === 'firing' ? [] : [{ name: 'For', value: describeDuration(Math.max(0, at - since)) }];
  return {
    ...{ id, at, level: isOver ? 'resolved' : 'problem', title: prefixes[kind] + title, text: detail },
    facts: [
      { name: 'Where', value: place.name },
      { name: 'Since', value: new Date(since).toISOString() },
      ...lasted,
      ...(isOver ? [] : [{ name: 'What to do', value: toDo }]),
      ...(trackingId === undefined ? [] : [{ name: 'For example', value: trackingId }]),
      { name: 'Alarm', value: `${rule.name}, at more than ${describeValue(rule.name, rule.threshold)}` },
    ],
    ...linkTo(place, trackingId === undefined ? page : `/page/conversations/${trackingId}`),
  };
}

export const linkTo = ({ url }: Place, path: string): Pick<Notification, 'link'> =>
  url === undefined ? {} : { link: { title: 'Open it in Signalbox', url: `${url}${path}` } };
