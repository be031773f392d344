import { createHash } from 'node:crypto';
import type { OperationKind } from '../engine.ts';

/**
 * The names of operations in AWS: `3 run book a table` is the operation at position 3. A part after the position tells
 * entries of one operation apart: `3.2` is the second attempt of a step, `3.delay2` the wait before it, `3.begin` what starts
 * a child. AWS takes printable ASCII, at most 256 characters: others are percent-encoded, long names end in a digest.
 */
export function label(position: number, kind: OperationKind, name: string, part?: string | number): string {
  const place = part === undefined ? `${position}` : `${position}.${part}`;
  return `${place} ${kind} ${encodedName(name)}`;
}

export interface Label {
  readonly position: number;
  readonly kind: OperationKind;
  readonly part: string | undefined;
  /** As AWS has it. */
  readonly encoded: string;
}

export function parseLabel(text: string): Label | undefined {
  const found = /^(\d+)(?:\.(\w+))? (run|sleep|signal|call|start) (.*)$/.exec(text);
  if (found === null) return undefined;
  const [, position, part, kind, encoded] = found;
  return { position: Number(position), kind: kind as OperationKind, part, encoded: encoded! };
}

const longestName = 200;

export function encodedName(name: string): string {
  const encoded = [...name].map(encodeCharacter).join('');
  if (encoded.length <= longestName) return encoded;
  const digest = createHash('sha256').update(name).digest('hex').slice(0, 16);
  return `${encoded.slice(0, longestName - 19)}...${digest}`;
}

function encodeCharacter(character: string): string {
  if (/^[ -$&-~]$/.test(character)) return character;
  return [...Buffer.from(character)].map((byte) => `%${byte.toString(16).padStart(2, '0')}`).join('');
}

/** The name as the flow gave it; of a long one what is left of it. */
export function decodedName(encoded: string): string {
  const bytes: Buffer[] = [];
  for (const [part] of encoded.matchAll(/%([0-9a-f]{2})|[^%]+/g)) {
    bytes.push(part.startsWith('%') ? Buffer.from(part.slice(1), 'hex') : Buffer.from(part));
  }
  return Buffer.concat(bytes).toString('utf8');
}

/** Operations that are not the flow's. */
export const controlLabel = 'control';
export const delayLabel = 'until its time';
export const orderLabel = (number: number): string => `order ${number}`;
export const pauseLabel = 'paused';
