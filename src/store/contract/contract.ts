import type { LiveRecord } from '../../record/live.ts';
import type { SystemRetention } from '../../record/system-retention.ts';
import type { Leases } from '../leases.ts';
import type { RateLimits } from '../rate-limits.ts';
import type { Store } from '../store.ts';
import { testAlarmRecords } from './alarms.ts';
import { testErasing } from './erasing.ts';
import { testEventLog } from './event-log.ts';
import { testAudit, testIdentities } from './identities.ts';
import { testListing } from './listing.ts';
import { testLives } from './lives.ts';
import { testProjections } from './projections.ts';
import { testSharing } from './sharing.ts';
import { testSourcesAndEndpoints } from './sources-and-endpoints.ts';
import { testSystemRetention } from './system-retention.ts';
import { type WithStore as CheckedStore, withStoreOf } from './with-store.ts';
import { testWriters } from './writers.ts';

export interface StoreUnderTest extends Shared {
  readonly store: Store;
  /** What tells whoever follows a conversation in the process of `store`. */
  readonly live: LiveRecord;
  /** The same data as another process has them; absent where one process has them to itself. */
  readonly beside?: Store & Shared;
  /** Lets what follows the log do all that there is to do. */
  catchUp(): Promise<void>;
  /** Removes the events of no conversation that are past their time; resolves with how many, by kind. */
  sweepSystemEvents(keep: SystemRetention, now: number): Promise<Readonly<Record<string, number>>>;
  close(): Promise<void>;
  /** Beginnings of words are refused, because what is searched are hashes. */
  readonly wholeWordsOnly?: boolean;
}

/** What processes share besides the record. */
export interface Shared {
  readonly leases: Leases;
  readonly rateLimits: RateLimits;
}

export type WithStore = CheckedStore<StoreUnderTest>;

/** What every implementation of the store port does. `create` gives an empty one. */
export function testStore(name: string, create: () => Promise<StoreUnderTest>): void {
  const withStore = withStoreOf(name, create);
  testIdentities(withStore);
  testAudit(withStore);
  testProjections(withStore);
  testAlarmRecords(withStore);
  testErasing(withStore);
  testSystemRetention(withStore);
  testEventLog(withStore);
  testLives(withStore);
  testListing(withStore);
  testSourcesAndEndpoints(withStore);
  testWriters(withStore);
  testSharing(withStore);
}
