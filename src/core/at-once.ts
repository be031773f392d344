/** Does something for each of many, so many of them at once; the results in their order. What one throws is thrown once none is under way any more. */
export async function eachAtOnce<T, R>(
  many: readonly T[],
  atOnce: number,
  work: (one: T) => Promise<R>,
): Promise<R[]> {
  const results: R[] = [];
  let next = 0;
  let hasFailed = false;
  const workThrough = async () => {
    while (next < many.length && !hasFailed) {
      const index = next++;
      try {
        results[index] = await work(many[index]!);
      } catch (error) {
        hasFailed = true;
        throw error;
      }
    }
  };
  const ended = await Promise.allSettled(Array.from({ length: atOnce }, workThrough));
  for (const end of ended) if (end.status === 'rejected') throw end.reason;
  return results;
}
