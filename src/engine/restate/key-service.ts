import { type ObjectContext, object } from '@restatedev/restate-sdk';
import { jsonSerde } from './json-serde.ts';
import { type Claimed, type ClaimRequest, type KeyHolder, keyService, runService } from './messages.ts';
import { callOptions, type Keeping, retryPolicy } from './service-options.ts';

interface KeyState {
  holder: KeyHolder;
}

/** An idempotency key is an object, which does one thing at a time: the first claim starts the run, in the same write. */
export function createKeyService(namespace: string, keeping: Keeping) {
  const name = keyService(namespace);
  return object({
    name,
    handlers: {
      async claim(context: ObjectContext<KeyState>, claim: ClaimRequest): Promise<Claimed> {
        const present = await context.get('holder');
        if (present !== null && present.expiresAt > claim.now) return { holder: present, created: false };
        const { runId, request, fingerprint, expiresAt, now } = claim;
        const { input, facts } = request;
        const holder: KeyHolder = { runId, input, facts, fingerprint, expiresAt };
        context.set('holder', holder);
        const run = { service: runService(namespace), method: 'run', key: runId };
        context.genericSend({ ...run, parameter: request, inputSerde: jsonSerde() });
        const later = {
          service: name,
          method: 'forget',
          key: context.key,
          delay: Math.max(0, expiresAt - now),
        };
        context.genericSend({ ...later, parameter: runId, inputSerde: jsonSerde() });
        return { holder, created: true };
      },

      async forget(context: ObjectContext<KeyState>, runId: string): Promise<void> {
        const present = await context.get('holder');
        if (present?.runId === runId) context.clear('holder');
      },
    },
    options: { retryPolicy: retryPolicy(keeping), ...callOptions },
  });
}
