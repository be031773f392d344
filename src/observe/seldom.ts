/**
 * Says what comes again and again at most once in a while: the first at once, then one for all of `everyMs`, with how many there
 * were. A disk that is full fails every run, each of which would say so.
 */
export function seldom<T>(
  say: (latest: T, times: number) => void,
  everyMs = 10_000,
  clock: () => number = () => performance.now(),
): (latest: T) => void {
  let quietUntil = Number.NEGATIVE_INFINITY;
  let times = 0;
  return (latest) => {
    times++;
    if (clock() < quietUntil) return;
    quietUntil = clock() + everyMs;
    say(latest, times);
    times = 0;
  };
}
