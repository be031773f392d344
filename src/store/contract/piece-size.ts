import assert from 'node:assert/strict';
import { parseSearch } from '../../record/search/query.ts';
import type { FollowedPiece } from '../follower.ts';
import type { Store } from '../store.ts';
import { aLife } from './life.ts';

interface Following {
  readonly store: Pick<Store, 'append' | 'search'>;
  /** Follows at most so many events. */
  readonly piece: (limit: number) => Promise<FollowedPiece>;
  /** A text so large that a piece has room for one conversation with it. */
  readonly large: string;
}

/** A piece ends before it is large: three large requests need three of them. */
export async function checkPieceSize({ store, piece, large }: Following): Promise<void> {
  for (let n = 0; n < 3; n++) await store.append(aLife({ query: 'find', extra: { large } }).facts);
  const found = async () => (await store.search({ query: parseSearch('find') })).found.length;
  const seen: number[] = [];
  for (let isThrough = false; !isThrough; seen.push(await found())) {
    ({ isThrough } = await piece(4_000));
  }
  assert.ok(
    [1, 2, 3].every((number) => seen.includes(number)),
    String(seen),
  );
}
