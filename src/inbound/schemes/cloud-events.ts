import { Type } from 'typebox';
import { refused, type Scheme } from '../scheme.ts';

/**
 * A subscription: events that came to `POST /events` from somebody who may send, by an API key. So nothing is verified here, and
 * nothing is let in that comes to the source by its name.
 */
export const cloudEvents: Scheme = {
  name: 'cloudevents',
  documentation: 'https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/spec.md',
  options: Type.Object({
    /** Which `source` of an event, `*` for any part. Default: all. */
    event_sources: Type.Optional(
      Type.Array(Type.String({ minLength: 1, maxLength: 200 }), { maxItems: 100 }),
    ),
  }),
  needsSecret: false,
  signsBody: false,
  verify: () => refused('missing'),
  events: (_, payload) => [{ payload }],
};
