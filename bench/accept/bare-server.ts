import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

/** A server that does nothing but read the body and answer: what `node:http` can do at best on this machine. */
const [status, headers, body] = JSON.parse(process.argv[2]!) as [number, Record<string, string>, string];

const server = createServer((request, response) => {
  request.resume();
  request.on('end', () => {
    response.writeHead(status, headers);
    response.end(body);
  });
});
server.listen(0, '127.0.0.1', () => process.send!((server.address() as AddressInfo).port));
