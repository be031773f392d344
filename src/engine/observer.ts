/** What an engine says while it works. A log is one; a listener must not throw. */
export interface EngineObserver {
  runFailed(flow: string, runId: string, message: string): void;
  runPaused(runId: string, message: string): void;
  storageFailed(error: unknown): void;
}

export const silentObserver: EngineObserver = {
  runFailed: () => {},
  runPaused: () => {},
  storageFailed: () => {},
};
