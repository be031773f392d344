import type { Config } from '../config/config.ts';
import { lambdaSettings } from '../config/lambda.ts';
import type { ComposedEngine, EngineParts } from './engine.ts';
import type { ComposedRecord } from './record.ts';

/** The engine of a gateway; runs execute in the function. */
export async function openLambda(
  config: Config,
  { log, record, objects, flows }: EngineParts,
): Promise<ComposedEngine> {
  const { api, records, leases } = await openLambdaParts(config, record);
  const [{ LambdaEngine }, { Upkeep }] = await Promise.all([
    import('../engine/lambda/engine.ts'),
    import('../engine/lambda/upkeep.ts'),
  ]);
  const warning = await api.check();
  if (warning !== undefined) log.warning(warning);
  const engine = new LambdaEngine({ flows, api, records, objects, appendFacts: record.store.append });
  const upkeep = new Upkeep({
    ...{ engine, records, leases, keepMs: config.retentionMs },
    onSwept: (removed) => log.retentionRemoved(removed),
    onError: (error) => log.failed('Looking after the runs on Lambda stopped; it goes on later', error),
  });
  return {
    engine,
    begin: () => {
      engine.open().catch((error) => log.failed('Paused runs could not be tried again', error));
      upkeep.begin();
    },
    rest: () => upkeep.stop(),
    problem: async () => {
      const detail = await api.problem();
      return detail === undefined ? undefined : { detail, status: 'DOWN' };
    },
  };
}

/** What gateways and the function have in common: the way to AWS, and the records beside its journals. */
export async function openLambdaParts(config: Config, { shared }: Pick<ComposedRecord, 'shared'>) {
  const settings = lambdaSettings(config);
  // With the SDK, which is not loaded for nothing.
  const [{ AwsLambdaApi }, { PostgresEngineRecords }] = await Promise.all([
    import('../engine/lambda/aws.ts'),
    import('../store/postgres/engine-records.ts'),
  ]);
  const { database, leases } = shared!;
  return { api: new AwsLambdaApi(settings), records: new PostgresEngineRecords(database), leases };
}
