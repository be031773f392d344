interface Lines {
  write(line: string): void;
  flushSync?(): void;
}

/** Fields that a person at a terminal reads beside the message; the rest is for machines. */
const shownFields = ['url', 'webhook_url', 'delay_ms', 'total_time_ms', 'delivery_status', 'reason', 'error'];

/** Turns JSON log lines into short ones: time, level unless it is INFO, message, a few fields. */
export function readableLines(lines: Lines): Lines {
  return {
    write: (line) => lines.write(readable(line)),
    flushSync: () => lines.flushSync?.(),
  };
}

export function readable(line: string): string {
  const entry = JSON.parse(line) as Record<string, unknown>;
  const time = String(entry.timestamp).slice(11, 19);
  const level = entry.level === 'INFO' ? '' : `${entry.level} `;
  const fields = shownFields
    .filter((name) => entry[name] !== undefined && entry[name] !== null)
    .map((name) => ` ${name}=${text(entry[name])}`);
  const id = typeof entry.tracking_id === 'string' ? ` [${entry.tracking_id}]` : '';
  return `${time} ${level}${text(entry.message)}${id}${fields.join('')}\n`;
}

/** Control characters would let a sender write to the terminal. */
function text(value: unknown): string {
  return String(value).replace(/\p{Cc}+/gu, ' ');
}
