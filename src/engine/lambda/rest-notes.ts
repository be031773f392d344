import type { RunRecords } from './run-records.ts';

/** How long a run rests before it is shown as waiting: most rests are over before. */
const shortestMs = 5;

interface Note {
  shown: 'running' | 'waiting' | undefined;
  wanted: 'running' | 'waiting';
  timer?: NodeJS.Timeout;
  writing: Promise<void>;
}

/** Shows in the records of runs whether they execute or wait. For people: nothing depends on it, and little is written for it. */
export class RestNotes {
  readonly #runs: RunRecords;
  readonly #notes = new Map<string, Note>();

  constructor(runs: RunRecords) {
    this.#runs = runs;
  }

  begin(runId: string): void {
    this.#notes.set(runId, { shown: undefined, wanted: 'running', writing: Promise.resolve() });
  }

  note(runId: string, isResting: boolean): void {
    const note = this.#notes.get(runId);
    if (note === undefined) return;
    note.wanted = isResting ? 'waiting' : 'running';
    note.timer ??= setTimeout(() => this.#write(runId, note), shortestMs);
  }

  /** At the end of an invocation: what is shown is what is. */
  async settle(runId: string): Promise<void> {
    const note = this.#notes.get(runId);
    if (note === undefined) return;
    this.#write(runId, note);
    await this.forget(runId);
  }

  async forget(runId: string): Promise<void> {
    const note = this.#notes.get(runId);
    clearTimeout(note?.timer);
    this.#notes.delete(runId);
    await note?.writing;
  }

  #write(runId: string, note: Note): void {
    clearTimeout(note.timer);
    delete note.timer;
    const { wanted } = note;
    if (note.shown === wanted) return;
    note.shown = wanted;
    note.writing = note.writing
      .then(() =>
        this.#runs.change(runId, ({ status }) => (isOther(status, wanted) ? { status: wanted } : undefined)),
      )
      .then(
        () => {},
        () => {},
      );
  }
}

const isOther = (status: string, wanted: string): boolean =>
  (status === 'running' || status === 'waiting') && status !== wanted;
