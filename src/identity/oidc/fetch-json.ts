/** Fetches a JSON object. Rejects for anything else, in time. */
export type FetchJson = (url: string) => Promise<Readonly<Record<string, unknown>>>;

const sizeLimitBytes = 256 * 1024;

/**
 * The URLs are the issuer's, which the operator wrote, and what its discovery document says over the same trust. No redirect is
 * followed, no more than 256 KiB is read, and all of it takes 5 s at most.
 */
export function createFetchJson(timeoutMs = 5_000): FetchJson {
  return async (url) => {
    const signal = AbortSignal.timeout(timeoutMs);
    const headers = { accept: 'application/json', 'user-agent': 'Signalbox' };
    const response = await fetch(url, { headers, redirect: 'manual', signal });
    if (response.status !== 200) {
      await response.body?.cancel();
      throw new Error(`${url} answered ${response.status}, and 200 was expected`);
    }
    const value: unknown = JSON.parse(await boundedText(response, url));
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) {
      return value as Readonly<Record<string, unknown>>;
    }
    throw new Error(`${url} answered something else than a JSON object`);
  };
}

async function boundedText(response: Response, url: string): Promise<string> {
  const chunks: Uint8Array[] = [];
  let sizeBytes = 0;
  for await (const chunk of response.body ?? []) {
    sizeBytes += chunk.length;
    if (sizeBytes > sizeLimitBytes) throw new Error(`${url} answered more than ${sizeLimitBytes} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}
