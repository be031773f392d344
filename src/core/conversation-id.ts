/**
 * `webhook_<YYYYMMDD>_<HHMMSS>_<system>_<process>_<6 hex>`: names of the sender cut to 8 and 12 characters, then in lower
 * case and without anything but letters and digits. Letters and digits are those of ASCII, so that an id is safe in a path, a
 * URL and a header; a name that has none of them leaves an empty part.
 */
export function conversationId(of: {
  readonly nowMs: number;
  readonly sourceSystem: string;
  readonly sourceProcess: string;
  /** Six hexadecimal digits. */
  readonly suffix: string;
}): string {
  const stamp = new Date(of.nowMs).toISOString();
  const day = stamp.slice(0, 10).replaceAll('-', '');
  const time = stamp.slice(11, 19).replaceAll(':', '');
  return `webhook_${day}_${time}_${part(of.sourceSystem, 8)}_${part(of.sourceProcess, 12)}_${of.suffix}`;
}

function part(name: string, length: number): string {
  return name
    .slice(0, length)
    .toLowerCase()
    .replace(/[^a-z0-9]/g, '');
}
