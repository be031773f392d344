/** One event of a stream, with what the stream has said by then. */
export interface StreamedEvent {
  /** The place after which to go on; undefined while none was told. */
  readonly id: string | undefined;
  /** How long to wait before coming back. */
  readonly retryMs: number | undefined;
  /** The data; undefined where only a place was told, or a time to wait. */
  readonly data: string | undefined;
}

/** Blocks of lines as events (https://html.spec.whatwg.org/multipage/server-sent-events.html#parsing-an-event-stream). */
export async function* parseEvents(body: ReadableStream<Uint8Array>): AsyncGenerator<StreamedEvent> {
  const decoder = new TextDecoder();
  let rest = '';
  let [id, retryMs]: [string | undefined, number | undefined] = [undefined, undefined];
  for await (const chunk of body) {
    rest += decoder.decode(chunk, { stream: true });
    const blocks = rest.split(/\r?\n\r?\n/);
    rest = blocks.pop()!;
    for (const block of blocks) {
      const fields = fieldsOf(block);
      id = fields.get('id')?.at(-1) ?? id;
      const retry = fields.get('retry')?.at(-1);
      if (retry !== undefined && /^\d+$/.test(retry)) retryMs = Number(retry);
      yield { id, retryMs, data: fields.get('data')?.join('\n') };
    }
  }
}

function fieldsOf(block: string): Map<string, string[]> {
  const fields = new Map<string, string[]>();
  for (const line of block.split(/\r?\n/)) {
    const [, name, value] = /^([^:]+)(?:: ?(.*))?$/.exec(line) ?? [];
    if (name !== undefined) fields.set(name, [...(fields.get(name) ?? []), value ?? '']);
  }
  return fields;
}
