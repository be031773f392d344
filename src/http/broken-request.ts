import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import { SignalboxError } from '../core/errors.ts';
import { problemOf, problemType } from './problem.ts';

/** What Node answers by itself, with an empty body or with none, before any route is looked for: problems here too. */
export function answerAsProblems(server: Server): void {
  server.on('checkExpectation', (request: IncomingMessage, response: ServerResponse) => {
    const seen = JSON.stringify((request.headers.expect ?? '').slice(0, 80));
    const message = `The expectation ${seen} cannot be met; 100-continue is the only one that can.`;
    const error = new SignalboxError('expectation_failed', message);
    const headers = {
      ...{ 'content-type': problemType, 'x-content-type-options': 'nosniff', 'cache-control': 'no-store' },
      connection: 'close',
    };
    response.writeHead(error.status, headers).end(JSON.stringify(problemOf(error)));
  });
  server.on('connect', (_, socket: Duplex) => {
    const message = 'This is no proxy: CONNECT is not served.';
    end(socket, new SignalboxError('method_not_allowed', message), 405, 'Method Not Allowed');
  });
}

/** What could not even be read as HTTP; there is no request to answer, only a socket. */
export function answerBrokenRequest(cause: Error & { code?: string }, socket: Duplex): void {
  if (cause.code === 'ECONNRESET') return;
  const { detail, status, reason } = kinds[cause.code ?? ''] ?? otherwise;
  end(socket, new SignalboxError('malformed_request', detail, { cause }), status, reason);
}

interface Kind {
  readonly detail: string;
  readonly status: number;
  readonly reason: string;
}

const otherwise: Kind = {
  detail: 'This is not an HTTP/1.1 request.',
  status: 400,
  reason: 'Bad Request',
};

const kinds: Readonly<Record<string, Kind>> = {
  HPE_HEADER_OVERFLOW: {
    detail: 'The URL and the header fields are larger than 16 KiB together.',
    status: 431,
    reason: 'Request Header Fields Too Large',
  },
  ERR_HTTP_REQUEST_TIMEOUT: {
    detail: 'The request did not arrive in time (30 s).',
    status: 408,
    reason: 'Request Timeout',
  },
};

function end(socket: Duplex, error: SignalboxError, status: number, reason: string): void {
  if (!socket.writable) return;
  const body = JSON.stringify({ ...problemOf(error), status });
  socket.end(
    `HTTP/1.1 ${status} ${reason}\r\nContent-Type: ${problemType}\r\nContent-Length: ${Buffer.byteLength(body)}\r\nCache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\nConnection: close\r\n\r\n${body}`,
  );
}
