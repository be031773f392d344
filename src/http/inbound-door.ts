import { SignalboxError } from '../core/errors.ts';
import { uuidv7 } from '../core/ids.ts';
import type { Fact } from '../engine/engine.ts';
import { type RefusedRequest, RefusedRequests, refusedRequest, spikeOf } from '../inbound/failures.ts';
import { type Received, receive, receiveQuestion, VerificationError } from '../inbound/receive.ts';
import type { InboundRequest, Reply } from '../inbound/scheme.ts';
import type { Source } from '../inbound/source.ts';
import { event } from '../record/events.ts';
import type { AppPorts } from './ports.ts';

/** Stands for everything that names no source of ours; no source can have it as its name. */
export const unknownSource = '-';

export const refusalSubject = (source: string) => `refused-requests:${source}`;

interface Questioned {
  readonly source: Source;
  readonly reply: Reply;
}

/** Lets in what the scheme of its source verifies. What it refuses is told in samples: to the log and to the record. */
export class InboundDoor {
  readonly #requests = new RefusedRequests();
  readonly #ports: Pick<AppPorts, 'store' | 'log' | 'options'>;

  constructor(ports: Pick<AppPorts, 'store' | 'log' | 'options'>) {
    this.#ports = ports;
  }

  /** Throws `unknown_source`, and what `receive` throws; the sender learns no more than that. */
  async receive(
    name: string,
    request: InboundRequest,
    from: string,
    now: number,
  ): Promise<{ source: Source; received: Received }> {
    const about = { name, from, now };
    const source = await this.#sourceOf(name, request, about);
    try {
      const received = receive(source, request, now, this.#ports.options.verifiesWebhooks);
      if (received.handshake !== undefined && received.notice !== undefined) {
        this.#ports.log.warning(received.notice);
      }
      return { source, received };
    } catch (error) {
      if (error instanceof VerificationError) {
        await this.#tell(source.name, request, { ...about, because: error.because });
      }
      throw error;
    }
  }

  /** Events of a verified message that can start nothing, while the message is acknowledged: nobody could mend them by sending again. */
  async leaveOut(
    { source, request, from, now }: { source: Source; request: InboundRequest; from: string; now: number },
    events: readonly { readonly id: string; readonly problem: string }[],
  ): Promise<void> {
    const said = events.map(({ id, problem }) => `${id}: ${problem}`).join('\n');
    this.#ports.log.warning(
      `Left out of a message to the source "${source.name}", as it can start nothing: ${said}`,
    );
    await this.#tell(source.name, request, { name: source.name, from, now, because: 'invalid_input' });
  }

  /** The answer to a vendor that asks whether its source is here. Throws `unknown_source`, `method_not_allowed`. */
  async answer(name: string, request: InboundRequest, from: string, now: number): Promise<Questioned> {
    const source = await this.#sourceOf(name, request, { name, from, now });
    const reply = receiveQuestion(source, request, now);
    if (reply !== undefined) return { source, reply };
    const message = `The source "${source.name}" takes POST. Nothing that it was asked has an answer.`;
    throw new SignalboxError('method_not_allowed', message);
  }

  async #sourceOf(
    name: string,
    request: InboundRequest,
    about: { readonly name: string; readonly from: string; readonly now: number },
  ): Promise<Source> {
    const source = await this.#ports.store.source(name);
    if (source !== undefined) return source;
    await this.#tell(unknownSource, request, { ...about, because: 'unknown_source' });
    throw new SignalboxError(
      'unknown_source',
      `There is no source ${JSON.stringify(name.slice(0, 80))}. PUT /sources/{source} makes one.`,
    );
  }

  /** Resolves once it is durable, if it is kept at all. */
  async #tell(
    source: string,
    request: InboundRequest,
    about: Pick<RefusedRequest, 'because' | 'from'> & { readonly name: string; readonly now: number },
  ): Promise<void> {
    const notice = this.#requests.count(source, about.now);
    if (notice === 'none') return;
    const subject = refusalSubject(source);
    if (notice === 'spike') {
      this.#ports.log.webhooksRefused({ source });
      await this.#record(event('INBOUND_REQUESTS_REFUSED', subject, { source, ...spikeOf }), about.now);
      return;
    }
    const refused = refusedRequest(request, about.because, about.from);
    const { because, bodySha256 } = refused;
    this.#ports.log.webhookRefused({ source, because, bodySha256, headers: Object.keys(request.headers) });
    const data = { source, name: about.name.slice(0, 80), ...refused };
    await this.#record(event('INBOUND_REQUEST_REFUSED', subject, data), about.now);
  }

  /** A record that takes nothing now changes nothing about the refusal. */
  async #record(fact: Fact, at: number): Promise<void> {
    await this.#ports.store
      .append([{ ...fact, id: uuidv7(at), at }])
      .catch((error) => this.#ports.log.failed('A refused request could not be put on record', error));
  }
}
