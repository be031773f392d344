import { statSync } from 'node:fs';

/** The revision of a warehouse whose file is not there. */
export const missing = 'missing';

/**
 * Names the content of a file by its identity, time and size. Loading replaces the file by another one, so that a new
 * content is always a new identity. The file system is asked at most once per `intervalMs`.
 */
export class FileRevision {
  readonly path: string;
  readonly #intervalMs: number;
  #readAtMs = Number.NEGATIVE_INFINITY;
  #revision = missing;

  constructor(path: string, intervalMs: number) {
    this.path = path;
    this.#intervalMs = intervalMs;
  }

  read(): string {
    const nowMs = performance.now();
    if (nowMs - this.#readAtMs < this.#intervalMs) return this.#revision;
    const stat = statSync(this.path, { bigint: true, throwIfNoEntry: false });
    this.#revision = stat === undefined ? missing : `${stat.ino}-${stat.mtimeNs}-${stat.size}`;
    this.#readAtMs = nowMs;
    return this.#revision;
  }
}
