import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { endWithUs } from './processes.ts';

type Answer<R> = { readonly result: R } | { readonly error: string };

/** Does one job in a process of its own: `module` calls `serveJobs`. */
export async function runJob<J, R>(module: URL, job: J): Promise<R> {
  const execArgv = ['--disable-warning=ExperimentalWarning', '--disable-warning=DeprecationWarning'];
  const stdio = ['ignore' as const, 'inherit' as const, 'inherit' as const, 'ipc' as const];
  const child = fork(fileURLToPath(module), [], { execArgv, stdio });
  endWithUs(child);
  const { promise, resolve, reject } = Promise.withResolvers<R>();
  child.on('message', (answer: Answer<R>) => {
    if ('error' in answer) reject(new Error(answer.error));
    else resolve(answer.result);
  });
  child.on('exit', (code, signal) =>
    reject(new Error(`${fileURLToPath(module)} ended with ${code ?? signal}.`)),
  );
  child.send(job as object);
  try {
    return await promise;
  } finally {
    child.kill('SIGKILL');
  }
}

/** The other side of `runJob`. */
export function serveJobs<J, R>(work: (job: J) => Promise<R>): void {
  process.on('message', (job: J) => {
    const tell = (answer: Answer<R>) => process.send!(answer);
    work(job).then(
      (result) => tell({ result }),
      (error) => tell({ error: error instanceof Error ? error.message : String(error) }),
    );
  });
}
