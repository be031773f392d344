/**
 * The names of entries in the journal of Restate: `3 book a table` is the operation at position 3. A part after the position
 * tells entries of one operation apart: `3.2` is the second attempt of a step, `3.delay2` the wait before it, `3.timeout`
 * the end of a wait on a signal.
 */
export function label(position: number, name: string, part?: string | number): string {
  return part === undefined ? `${position} ${name}` : `${position}.${part} ${name}`;
}

export interface Label {
  readonly position: number;
  readonly name: string;
  readonly part: string | undefined;
}

export function parseLabel(text: string): Label | undefined {
  const found = /^(\d+)(?:\.(\w+))? (.*)$/s.exec(text);
  return found === null ? undefined : { position: Number(found[1]), part: found[2], name: found[3]! };
}
