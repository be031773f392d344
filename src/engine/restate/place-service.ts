import {
  handlers,
  InvocationIdParser,
  type ObjectContext,
  type ObjectSharedContext,
  object,
  TerminalError,
} from '@restatedev/restate-sdk';
import { jsonSerde } from './json-serde.ts';
import { type PlaceRequest, placeService } from './messages.ts';
import { callOptions, type Keeping, retryPolicy } from './service-options.ts';

interface PlaceState {
  /** The invocations that have a place. */
  holders: readonly string[];
  /** Those that wait for one, first in, first out. */
  waiting: readonly PlaceRequest[];
}

/**
 * The places of one concurrency key of a flow: at most so many of its runs are under way. Each holder is watched until its
 * invocation has ended, however it does, and gives its place to the next; one that ended while it waited gives it on at once.
 */
export function createPlaceService(namespace: string, keeping: Keeping) {
  const name = placeService(namespace);

  /** Gives free places to those that wait. */
  const fill = (
    context: ObjectContext<PlaceState>,
    holders: readonly string[],
    waiting: readonly PlaceRequest[],
  ) => {
    let [held, rest] = [holders, waiting];
    for (let next = rest[0]; next !== undefined && held.length < next.limit; next = rest[0]) {
      rest = rest.slice(1);
      held = [...held, next.invocationId];
      context.resolveAwakeable(next.awakeableId, null);
      const watch = { service: name, method: 'watch', key: context.key, parameter: next.invocationId };
      context.genericSend({ ...watch, inputSerde: jsonSerde() });
    }
    keep(context, held, rest);
  };

  return object({
    name,
    handlers: {
      async take(context: ObjectContext<PlaceState>, request: PlaceRequest): Promise<void> {
        const { holders, waiting } = await placesOf(context);
        fill(context, holders, [...waiting, request]);
      },

      async release(context: ObjectContext<PlaceState>, invocationId: string): Promise<void> {
        const { holders, waiting } = await placesOf(context);
        const held = holders.filter((holder) => holder !== invocationId);
        fill(context, held, waiting);
      },

      watch: handlers.object.shared(async (context: ObjectSharedContext, invocationId: string) => {
        await ended(context, invocationId);
        const release = { service: name, method: 'release', key: context.key, parameter: invocationId };
        context.genericSend({ ...release, inputSerde: jsonSerde() });
      }),
    },
    options: { retryPolicy: retryPolicy(keeping), ...callOptions },
  });
}

async function placesOf(context: ObjectContext<PlaceState>): Promise<PlaceState> {
  const [holders, waiting] = [await context.get('holders'), await context.get('waiting')];
  return { holders: holders ?? [], waiting: waiting ?? [] };
}

/** Without holders nothing is left of a key. */
function keep(
  context: ObjectContext<PlaceState>,
  holders: PlaceState['holders'],
  waiting: PlaceState['waiting'],
) {
  if (holders.length === 0) {
    context.clearAll();
    return;
  }
  context.set('holders', holders);
  context.set('waiting', waiting);
}

/** Waits for the end of a run, whatever it is. */
async function ended(context: ObjectSharedContext, invocationId: string): Promise<void> {
  try {
    await context.attach(InvocationIdParser.fromString(invocationId), jsonSerde());
  } catch (error) {
    if (!(error instanceof TerminalError)) throw error;
  }
}
