import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { contentUnder } from '../../../test/fixtures/encryption.ts';
import type { Content } from '../../encryption/content.ts';
import { createFolderObjects } from '../../objects/folder.ts';
import { Database } from '../../sqlite/database.ts';
import { engineContract } from '../contract/contract.ts';
import type { EngineHarness } from '../contract/harness.ts';
import { eventually } from '../contract/harness.ts';
import type { StampedFact } from '../engine.ts';
import { silentObserver } from '../observer.ts';
import { EmbeddedEngine } from './engine.ts';
import type { EmbeddedOptions } from './runtime.ts';
import { steadyClock } from './steady-clock.ts';

function embedded(
  { content, ...options }: Partial<EmbeddedOptions> & { readonly content?: Content },
  skip: Record<string, string> = {},
): EngineHarness {
  return {
    skip,
    async open(test, firstFlows) {
      const folder = mkdtempSync(join(tmpdir(), 'signalbox-engine-'));
      const objects = createFolderObjects(join(folder, 'objects'));
      let offsetMs = 0;
      const wall = () => Date.now() + offsetMs;
      const start = (flows: EmbeddedOptions['flows']) => {
        const database = new Database(join(folder, 'journal.sqlite'), content && { content });
        database.run('CREATE TABLE IF NOT EXISTS facts (id TEXT PRIMARY KEY, fact TEXT)');
        const engine = new EmbeddedEngine({
          database,
          flows,
          writeFacts: (sql, facts) => {
            for (const fact of facts)
              sql.run('INSERT INTO facts VALUES (?, ?)', fact.id, JSON.stringify(fact));
          },
          observer: silentObserver,
          objects,
          clock: steadyClock({ wall }),
          wallClock: wall,
          ...options,
        });
        engine.recover();
        return { database, engine };
      };
      let open = start(firstFlows);
      let flows = firstFlows;
      test.after(async () => {
        await open.engine.stop(0);
        open.database.close();
        rmSync(folder, { recursive: true, force: true });
      });
      return {
        objects,
        get engine() {
          return open.engine;
        },
        facts: async () =>
          open.database
            .all<{ fact: string }>('SELECT fact FROM facts ORDER BY rowid')
            .map(({ fact }) => JSON.parse(fact) as StampedFact),
        restart: async (otherFlows) => {
          await open.engine.stop(0);
          open.database.close();
          flows = otherFlows ?? flows;
          open = start(flows);
          return open.engine;
        },
        moveClock: (byMs) => {
          offsetMs += byMs;
        },
      };
    },
  };
}

const quadratic = {
  'more operations than the limit end the run with a clear error':
    'replaying 3,000 operations after each of 3,000 takes half a minute and shows nothing more',
};

engineContract('embedded', embedded({}));
engineContract(
  'embedded, encrypted, waiting runs leave memory at once',
  embedded({ residentMs: 0, content: contentUnder() }),
);
engineContract(
  'embedded, replayed after each operation',
  embedded({ alwaysReplay: true, residentMs: 0 }, quadratic),
);

test('expired idempotency keys are forgotten at the start, in groups', async (context) => {
  const database = new Database(':memory:');
  context.after(() => database.close());
  for (let n = 0; n < 1_200; n++) {
    database.run(
      'INSERT INTO idempotency_keys VALUES (?, 1, ?, ?)',
      `key ${n}`,
      'f',
      n < 1_150 ? 1 : Date.now() + 60_000,
    );
  }
  const engine = new EmbeddedEngine({ database, flows: [], writeFacts: () => {}, observer: silentObserver });
  context.after(() => engine.stop(0));
  engine.recover();
  const left = () => database.get<{ n: number }>('SELECT count(*) AS n FROM idempotency_keys')!.n;
  await eventually('the expired ones are gone', () => left() === 50);
});
