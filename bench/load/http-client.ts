import { connect, type Socket } from 'node:net';

/**
 * One connection that is kept open, one request at a time, and as little work as possible: on two cores every microsecond
 * of the sender is taken from whom it measures. Understands responses with a `content-length` or in chunks.
 */
export class Connection {
  readonly #socket: Socket;
  #received: Buffer = Buffer.alloc(0);
  #done: ((response: Response) => void) | undefined;
  #failed: ((error: Error) => void) | undefined;

  constructor(port: number) {
    this.#socket = connect({ port, host: '127.0.0.1', noDelay: true });
    this.#socket.on('data', (chunk: Buffer) => this.#take(chunk));
    this.#socket.on('error', (error) => this.#failed?.(error));
    this.#socket.on('close', () => this.#failed?.(new Error('The server closed the connection.')));
  }

  send(request: Buffer): Promise<Response> {
    return new Promise((resolve, reject) => {
      this.#done = resolve;
      this.#failed = reject;
      this.#socket.write(request);
    });
  }

  close(): void {
    this.#failed = undefined;
    this.#socket.destroy();
  }

  #take(chunk: Buffer): void {
    this.#received = this.#received.length === 0 ? chunk : Buffer.concat([this.#received, chunk]);
    const response = readResponse(this.#received);
    if (response === undefined) return;
    this.#received = Buffer.alloc(0);
    this.#done?.(response);
  }
}

export interface Response {
  readonly status: number;
  readonly head: string;
  readonly body: Buffer;
}

/** The response that the bytes hold, once they hold all of it. */
function readResponse(bytes: Buffer): Response | undefined {
  const headEnd = bytes.indexOf('\r\n\r\n');
  if (headEnd < 0) return undefined;
  const head = bytes.toString('latin1', 0, headEnd).toLowerCase();
  const status = Number(head.slice(9, 12));
  const length = lengthOf(head);
  const body = bytes.subarray(headEnd + 4);
  if (length === undefined)
    return body.toString('latin1').endsWith('0\r\n\r\n') ? { status, head, body } : undefined;
  return body.length >= length ? { status, head, body } : undefined;
}

function lengthOf(head: string): number | undefined {
  const at = head.indexOf('\r\ncontent-length:');
  return at < 0 ? undefined : Number.parseInt(head.slice(at + 17, at + 30), 10);
}

/** A POST as it goes over the wire. */
export function postRequest(
  to: { path: string; headers: Readonly<Record<string, string>> },
  body: string,
): Buffer {
  const fields = { host: '127.0.0.1', 'content-type': 'application/json', ...to.headers };
  const lines = Object.entries(fields).map(([name, value]) => `${name}: ${value}\r\n`);
  const length = `content-length: ${Buffer.byteLength(body)}\r\n`;
  return Buffer.from(`POST ${to.path} HTTP/1.1\r\n${lines.join('')}${length}\r\n${body}`);
}

/** A GET as it goes over the wire. */
export function getRequest(path: string, headers: Readonly<Record<string, string>>): Buffer {
  const lines = Object.entries({ host: '127.0.0.1', ...headers }).map(
    ([name, value]) => `${name}: ${value}\r\n`,
  );
  return Buffer.from(`GET ${path} HTTP/1.1\r\n${lines.join('')}\r\n`);
}
