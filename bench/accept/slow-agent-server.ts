import { compose } from '../../src/compose/compose.ts';
import { readConfig } from '../../src/config/config.ts';
import { createLog } from '../../src/observe/log.ts';

/** The product as it is, with an agent that takes a minute to answer, as one with a model may: so runs wait. */
const config = readConfig();
const log = createLog({ level: config.logLevel, format: 'json' });
const signalbox = await compose(config, log, {
  name: 'slow',
  answer: ({ signal }) =>
    new Promise((resolve, reject) => {
      const answer = { markdown: 'Done.', plain: 'Done.', toolCalls: [], understood: true };
      setTimeout(() => resolve(answer), 60_000);
      signal.addEventListener('abort', () => reject(signal.reason));
    }),
});
await signalbox.app.server.listen({ host: config.host, port: config.port });
signalbox.recover();
