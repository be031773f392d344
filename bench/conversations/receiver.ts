import { once } from 'node:events';
import { createServer } from 'node:http';
import { Webhook } from 'standardwebhooks';

const checkedEvery = 20;

/** Takes deliveries over connections that are kept open; checks the signature of every twentieth and tells of each. */
export class Receiver {
  signaturesChecked = 0;
  readonly #webhook: Webhook;
  readonly #delivered: (trackingId: string) => void;
  #count = 0;

  constructor(secret: string, delivered: (trackingId: string) => void) {
    this.#webhook = new Webhook(secret);
    this.#delivered = delivered;
  }

  async listen(port: number): Promise<void> {
    const server = createServer((request, response) => {
      const chunks: Buffer[] = [];
      request.on('data', (chunk: Buffer) => chunks.push(chunk));
      request.on('end', () => {
        this.#take(Buffer.concat(chunks).toString(), request.headers);
        response.writeHead(200, { 'content-length': '0' });
        response.end();
      });
    });
    server.keepAliveTimeout = 60_000;
    server.listen(port, '127.0.0.1');
    await once(server, 'listening');
  }

  #take(body: string, headers: NodeJS.Dict<string | string[]>): void {
    if (this.#count++ % checkedEvery === 0) {
      this.#webhook.verify(body, headers as Record<string, string>);
      this.signaturesChecked += 1;
    }
    this.#delivered(/"tracking_id":"([^"]+)"/.exec(body)![1]!);
  }
}
