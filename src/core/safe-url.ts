/** A URL without its credentials and its query, where receivers tend to keep their secrets. */
export function safeUrl(text: string): string {
  const url = URL.parse(text);
  return url === null ? '[not a URL]' : `${url.origin}${url.pathname}`;
}
