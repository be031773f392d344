// The parts of the peers' packages that the benchmark uses. Type checking must not need them: they are installed
// by `npm run bench` alone.

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
