import { type ChildProcess, type SpawnOptions, spawn } from 'node:child_process';

/** Starts a program, as `spawn` does. */
export type Launch = (command: string, args: readonly string[], options: SpawnOptions) => ChildProcess;

/** Where a program is in the network: its address, and how it gets there. */
export interface Place {
  readonly address: string;
  readonly launch: Launch;
}

export const loopback: Place = { address: '127.0.0.1', launch: spawn };
