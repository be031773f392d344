import { createServer } from 'node:http2';
import type { AddressInfo } from 'node:net';
import { type Context, createEndpointHandler, service } from '@restatedev/restate-sdk';

/** Serves the five steps to a Restate server and tells its port. */
const bidirectional = process.argv[2] === 'true';

const bench = service({
  name: 'bench',
  handlers: {
    fiveSteps: async (context: Context, input: number) => {
      let value = input;
      for (let at = 1; at <= 5; at++) value = await context.run(`step ${at}`, () => value + 1);
      return value;
    },
  },
});
const server = createServer(createEndpointHandler({ services: [bench], bidirectional }));
server.listen(0, '127.0.0.1', () => process.send!((server.address() as AddressInfo).port));
