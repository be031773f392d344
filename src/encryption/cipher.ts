import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';

/**
 * XAES-256-GCM (https://c2sp.org/XAES-256-GCM): AES-256-GCM with nonces of 24 bytes. The first half of a nonce makes the key of
 * the second one, by the CMAC-based derivation of NIST SP 800-108r1. AES-GCM by itself may be used 2^32 times with random nonces under one key (SP
 * 800-38D, 8.3), which a busy server would reach in days; this one 2^80 times.
 */

export const nonceBytes = 24;
export const tagBytes = 16;
const half = 12;

/** Values under the same first half of a nonce: the derivation is done once for so many. */
const valuesEach = 1 << 20;
/** Derived keys that are kept for opening. */
const derivedAtMost = 1_000;

/** Seals and opens bytes under one key of 32 bytes. */
export class Cipher {
  readonly #key: Buffer;
  readonly #derived = new Map<string, Buffer>();
  readonly #maskOfKey: Buffer;
  #salt: Buffer = Buffer.alloc(0);
  #saltKey: Buffer = Buffer.alloc(0);
  #left = 0;

  constructor(key: Buffer) {
    this.#key = key;
    this.#maskOfKey = cmacMask(key);
  }

  /** Nonce, ciphertext and tag; `about` is authenticated with it. */
  seal(plain: Buffer, about: Buffer): Buffer {
    if (this.#left === 0) this.#beginSalt();
    this.#left -= 1;
    const nonce = Buffer.concat([this.#salt, randomBytes(half)]);
    return Buffer.concat([nonce, sealWith(this.#saltKey, nonce.subarray(half), plain, about)]);
  }

  /** What was sealed. Undefined when it was sealed under another key, about something else, or has been changed. */
  open(sealed: Buffer, about: Buffer): Buffer | undefined {
    if (sealed.length < nonceBytes + tagBytes) return undefined;
    const key = this.#derivedKey(sealed.subarray(0, half));
    const decipher = createDecipheriv('aes-256-gcm', key, sealed.subarray(half, nonceBytes), {
      authTagLength: tagBytes,
    });
    decipher.setAAD(about);
    decipher.setAuthTag(sealed.subarray(-tagBytes));
    const plain = decipher.update(sealed.subarray(nonceBytes, -tagBytes));
    try {
      decipher.final();
      return plain;
    } catch {
      return undefined;
    }
  }

  #beginSalt(): void {
    this.#salt = randomBytes(half);
    this.#saltKey = deriveKey(this.#key, this.#maskOfKey, this.#salt);
    this.#left = valuesEach;
  }

  #derivedKey(salt: Buffer): Buffer {
    const name = salt.toString('latin1');
    let key = this.#derived.get(name);
    if (key !== undefined) return key;
    key = deriveKey(this.#key, this.#maskOfKey, salt);
    if (this.#derived.size >= derivedAtMost) this.#derived.clear();
    this.#derived.set(name, key);
    return key;
  }
}

/** Ciphertext and tag of XAES-256-GCM with a nonce that is given; for the vectors of the specification. */
export function sealWithNonce(key: Buffer, nonce: Buffer, plain: Buffer, about: Buffer): Buffer {
  const derived = deriveKey(key, cmacMask(key), nonce.subarray(0, half));
  return sealWith(derived, nonce.subarray(half), plain, about);
}

function sealWith(key: Buffer, nonce: Buffer, plain: Buffer, about: Buffer): Buffer {
  const cipher = createCipheriv('aes-256-gcm', key, nonce, { authTagLength: tagBytes });
  cipher.setAAD(about);
  return Buffer.concat([cipher.update(plain), cipher.final(), cipher.getAuthTag()]);
}

/** Subkey K1 of CMAC (NIST SP 800-38B, 6.1). */
function cmacMask(key: Buffer): Buffer {
  const block = encryptBlocks(key, Buffer.alloc(16));
  const mask = Buffer.alloc(16);
  for (let at = 0; at < 16; at++) mask[at] = (block[at]! << 1) | ((block[at + 1] ?? 0) >> 7);
  if ((block[0]! & 0x80) !== 0) mask[15]! ^= 0x87;
  return mask;
}

function deriveKey(key: Buffer, mask: Buffer, salt: Buffer): Buffer {
  const blocks = [1, 2].map((counter) => Buffer.concat([Buffer.from([0, counter, 0x58, 0]), salt]));
  for (const block of blocks) for (let at = 0; at < 16; at++) block[at]! ^= mask[at]!;
  return encryptBlocks(key, Buffer.concat(blocks));
}

function encryptBlocks(key: Buffer, blocks: Buffer): Buffer {
  const cipher = createCipheriv('aes-256-ecb', key, null).setAutoPadding(false);
  return Buffer.concat([cipher.update(blocks), cipher.final()]);
}
