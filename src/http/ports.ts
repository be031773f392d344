import type { Alarm } from '../alarms/watch.ts';
import type { ErrorCode } from '../core/errors.ts';
import type { Networks } from '../core/networks.ts';
import type { RateLimit } from '../core/rate-limit.ts';
import type { Rotation } from '../encryption/rotation.ts';
import type { Engine, Run } from '../engine/engine.ts';
import type { Flow } from '../engine/flow.ts';
import type { EraseInput } from '../flows/erase.ts';
import type { ErasureLog } from '../flows/erasure-log.ts';
import type { InvocationFlow } from '../flows/invocation/invocation.ts';
import type { ToldPlace } from '../flows/notification.ts';
import type { ExportInput } from '../flows/query/export.ts';
import type { QueryInput } from '../flows/query/input.ts';
import type { AgentVerifier } from '../identity/agent-tokens.ts';
import type { Callers } from '../identity/callers.ts';
import type { Log } from '../observe/log.ts';
import type { Profiler } from '../observe/profiler.ts';
import type { StepTimes } from '../observe/step-times.ts';
import type { Tracer } from '../observe/traces/tracer.ts';
import type { RecordedEvent, WebhookType } from '../record/events.ts';
import type { EventSelection } from '../record/feed/event-log.ts';
import type { LogPiece } from '../record/feed/follow.ts';
import type { RedactConversation } from '../record/redact.ts';
import type { Identities } from '../store/identities.ts';
import type { RateLimits } from '../store/rate-limits.ts';
import type { Store } from '../store/store.ts';

/** Everything that the HTTP application acts through. */
export interface AppPorts {
  readonly engine: Pick<
    Engine,
    | 'start'
    | 'list'
    | 'get'
    | 'history'
    | 'restart'
    | 'resume'
    | 'cancel'
    | 'terminate'
    | 'signal'
    | 'versions'
    | 'wait'
    | 'stats'
  >;
  readonly store: Pick<
    Store,
    | 'source'
    | 'append'
    | 'sources'
    | 'putSource'
    | 'deleteSource'
    | 'conversation'
    | 'summary'
    | 'conversations'
    | 'count'
    | 'counts'
    | 'search'
    | 'statistics'
    | 'projections'
    | 'rebuild'
    | 'events'
    | 'eventLog'
    | 'newestSequence'
    | 'texts'
    | 'disabledEndpoints'
    | 'enableEndpoint'
    | 'append'
    | 'acts'
    | keyof Identities
  >;
  /** Who may call. */
  readonly callers: Callers;
  readonly rateLimits: RateLimits;
  readonly log: Pick<
    Log,
    | 'requestFailed'
    | 'traced'
    | 'webhookRefused'
    | 'webhooksRefused'
    | 'workflowTriggered'
    | 'failed'
    | 'warning'
  >;
  /** How agents of other processes ask ours; undefined when none may. */
  readonly agents?: AgentDoor | undefined;
  readonly queryFlow: Flow<QueryInput, unknown>;
  readonly exportFlow: Flow<ExportInput, unknown>;
  readonly eraseFlow: Flow<EraseInput, unknown>;
  /** What was erased, as it is noted beside the record. */
  readonly erasures: ErasureLog;
  /** Further flows that may be started from outside, each under its name, with an input that fits its schema. */
  readonly offeredFlows?: readonly Flow<never>[];
  readonly redact: RedactConversation;
  readonly guessType: (query: string) => WebhookType;
  /** What a caller is told about the time until its answer. */
  readonly estimate: (type: WebhookType) => string;
  /** The events of a conversation after a sequence number, those to come included, until it is complete. */
  readonly follow: (
    trackingId: string,
    options: { readonly afterSequence?: number; readonly signal: AbortSignal },
  ) => AsyncIterable<RecordedEvent>;
  /** The events of all conversations after a sequence number that are wanted, those to come included, without an end. */
  readonly followLog: (
    selection: EventSelection,
    options: { readonly after: number; readonly signal: AbortSignal },
  ) => AsyncIterable<LogPiece>;
  readonly health: () => Promise<readonly HealthPart[]>;
  /** The parts without which nothing is accepted. Default: all. */
  readonly essentials?: () => Promise<readonly HealthPart[]>;
  readonly metrics?: MetricsPort;
  readonly alarms?: AlarmsPort;
  /** What puts everything under the newest key; absent where nothing is ever encrypted. */
  readonly encryption?: Pick<Rotation, 'state' | 'rotate'>;
  readonly profiler?: Pick<Profiler, 'profile'>;
  /** How long steps take in this process; absent where none execute. */
  readonly stepTimes?: Pick<StepTimes, 'p99Ms'> | undefined;
  /** Where spans of requests go. */
  readonly traces?: Pick<Tracer, 'accepted'> | undefined;
  /** For the page: what the data are. */
  readonly about: () => Promise<About>;
  readonly options: AppOptions;
}

export interface AgentDoor {
  readonly verifier: AgentVerifier;
  readonly flow: InvocationFlow;
  /** Of the agents that may be asked. */
  readonly names: readonly string[];
}

export interface MetricsPort {
  /** In the text format of Prometheus. */
  text(): Promise<string>;
  /** A request was answered with an error. */
  refused(code: ErrorCode): void;
}

/** A place where people are told, and the run that told it something last. */
export interface LastTold {
  readonly channel: string;
  readonly run?: Run;
  /** Why its latest attempt failed, or the run itself. */
  readonly error?: string;
}

export interface AlarmsPort {
  /** Where people are told. */
  readonly channels: readonly string[];
  alarms(): Promise<readonly Alarm[]>;
  /** Keeps one from telling anything until a time; whether there is one of that name. */
  silence(name: string, until: number): Promise<boolean>;
  /** What came of what each of them was told last. */
  lastTold(): Promise<readonly LastTold[]>;
  /** Tells all of them something; resolves once that is durable, with the runs that do it. */
  test(): Promise<readonly ToldPlace[]>;
}

export interface AppOptions {
  readonly bodyLimitBytes: number;
  /** False lets every webhook in, whatever its signature: `VERIFY_WEBHOOK_SIGNATURE=false`. */
  readonly verifiesWebhooks: boolean;
  /** Null: no limit. */
  readonly rateLimit: RateLimit | null;
  /** Nothing but `/health` and the probes: a process that executes runs, while others take the requests. */
  readonly servesHealthAlone?: boolean;
  /** From where `/health` and `/metrics` may be read without a key. */
  readonly monitoringNetworks?: Networks | undefined;
  /** Of pages that may call, exactly as browsers send them. */
  readonly corsOrigins?: readonly string[];
  /** For a request to arrive in, headers and body. Default 30,000. */
  readonly requestTimeoutMs?: number;
  /** At once; further ones are closed. Default 10,000. */
  readonly connectionLimit?: number;
  readonly clock?: () => number;
  /** Between comments that keep an idle event stream open. Default 15,000. */
  readonly heartbeatMs?: number;
  /** After which the reader of an event stream that takes nothing is let go. Default 120,000. */
  readonly stallMs?: number;
  /** Of streams of all conversations that are open at once. Default 500. */
  readonly streamLimit?: number;
}

export type HealthStatus = 'HEALTHY' | 'DEGRADED' | 'DOWN';

export interface HealthPart {
  readonly name: string;
  readonly status: HealthStatus;
  /** What was seen, in a sentence. */
  readonly detail: string;
  /** Without it nothing can be accepted: when it is down, everything is. */
  readonly essential: boolean;
}

export interface About {
  readonly version: string;
  /** A date. */
  readonly today: string;
  readonly agent: string;
  /** Rows by table, largest first; absent where other processes answer the questions. */
  readonly tables?: readonly { readonly name: string; readonly rowCount: number }[];
  /** Whether the rows are those of the demo workspace. */
  readonly demo?: boolean;
  /** Where answers go, without what URLs hold of secrets. */
  readonly deliversTo: readonly string[];
}
