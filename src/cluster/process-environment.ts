/** What the cluster says itself. */
const decided: readonly string[] = [
  ...['SIGNALBOX_ROLE', 'SIGNALBOX_ENGINE', 'SIGNALBOX_DATA_DIR', 'HOST', 'PORT'],
  ...['SIGNALBOX_WORKER_URL', 'SIGNALBOX_WORKER_HOST', 'SIGNALBOX_WORKER_PORT'],
  ...['RESTATE_INGRESS_URLS', 'RESTATE_ADMIN_URL', 'RESTATE_IDENTITY_KEYS', 'DATABASE_URL', 'UAEF_DB_URL'],
];

export interface ProcessEnvironment {
  readonly passedOn: NodeJS.ProcessEnv;
  /** What is set, and not passed on, since the cluster says it itself. */
  readonly leftOut: readonly string[];
}

/** What processes of a cluster are given of the variables of whoever starts it. */
export function processEnvironment(environment: NodeJS.ProcessEnv): ProcessEnvironment {
  const leftOut = decided.filter((name) => (environment[name] ?? '').trim() !== '');
  const passedOn = Object.entries(environment).filter(([name]) => !decided.includes(name));
  return { passedOn: Object.fromEntries(passedOn), leftOut };
}

/** Where objects are kept: where the variables say, or in this folder. */
export const objectsIn = (folder: string, environment: NodeJS.ProcessEnv): NodeJS.ProcessEnv =>
  environment.SIGNALBOX_OBJECTS_URL?.trim() ? {} : { SIGNALBOX_OBJECTS_DIR: folder };
