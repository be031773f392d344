// The parts of the peers' packages that the benchmark uses. Type checking must not need them: they are installed
// by `npm run bench` alone.

declare module '@restatedev/restate-sdk' {
  import type { Http2ServerRequest, Http2ServerResponse } from 'node:http2';

  export interface Context {
    run<T>(name: string, action: () => T | Promise<T>): Promise<T>;
  }
  export function service(definition: {
    name: string;
    handlers: Record<string, (context: Context, input: number) => Promise<number>>;
  }): object;
  export function createEndpointHandler(options: {
    services: object[];
    bidirectional: boolean;
  }): (request: Http2ServerRequest, response: Http2ServerResponse) => void;
}

declare module '@dbos-inc/dbos-sdk' {
  export const DBOS: {
    setConfig(config: { name: string; systemDatabaseUrl: string; logLevel: string }): void;
    registerWorkflow<A extends unknown[], R>(
      work: (...input: A) => Promise<R>,
      options: { name: string },
    ): (...input: A) => Promise<R>;
    runStep<T>(work: () => Promise<T>, options: { name: string }): Promise<T>;
    launch(): Promise<void>;
    shutdown(): Promise<void>;
  };
}
