import { SaxesParser, type SaxesTagNS } from 'saxes';
import { messageOf, SignalboxError } from '../core/errors.ts';

/** One notification of a Salesforce outbound message: a record that changed. */
export interface Notification {
  readonly id: string;
  /** The kind of the record, such as `Opportunity`. */
  readonly type: string;
  /** Its fields as texts; null where Salesforce says `xsi:nil`. */
  readonly object: Readonly<Record<string, string | null>>;
}

/** Without the session id that the message may carry: it is a credential. */
export interface OutboundMessage {
  readonly organizationId: string;
  readonly actionId: string;
  readonly notifications: readonly Notification[];
}

const messageNamespace = 'http://soap.sforce.com/2005/09/outbound';
const instanceNamespace = 'http://www.w3.org/2001/XMLSchema-instance';
/** As many as Salesforce puts into one message. */
const notificationLimit = 100;

interface Element {
  readonly tag: SaxesTagNS;
  text: string;
}

/**
 * Reads the SOAP message of
 * https://developer.salesforce.com/docs/atlas.en-us.api.meta/api/sforce_api_om_outboundmessaging_wsdl.htm.
 * A document type is refused, so no entity but XML's five is ever replaced. Throws `malformed_request`.
 */
export function parseSoapMessage(body: Buffer): OutboundMessage {
  const reader = new MessageReader();
  const parser = new SaxesParser({ xmlns: true });
  const open: Element[] = [];
  parser.on('error', (error) => {
    throw malformed(`The body is not well-formed XML: ${error.message.slice(0, 200)}.`);
  });
  parser.on('doctype', () => {
    throw malformed('The body declares a document type, which is not accepted.');
  });
  parser.on('opentag', (tag) => {
    if (open.length === 16) throw malformed('The body is nested deeper than 16 levels.');
    open.push({ tag, text: '' });
    reader.open(tag);
  });
  const addText = (text: string) => {
    const inner = open.at(-1);
    if (inner !== undefined) inner.text += text;
  };
  parser.on('text', addText);
  parser.on('cdata', addText);
  parser.on('closetag', () => {
    const closed = open.pop();
    if (closed !== undefined) reader.close(closed, open.at(-1)?.tag);
  });
  try {
    parser.write(new TextDecoder('utf-8', { fatal: true }).decode(body)).close();
  } catch (error) {
    if (error instanceof SignalboxError) throw error;
    throw malformed(`The body is not XML in UTF-8: ${messageOf(error)}.`);
  }
  return reader.message();
}

class MessageReader {
  #organizationId: string | undefined;
  #actionId = '';
  readonly #notifications: { id: string; type: string; object: Record<string, string | null> }[] = [];

  open(tag: SaxesTagNS): void {
    if (tag.uri !== messageNamespace) return;
    if (tag.local === 'Notification') {
      if (this.#notifications.length === notificationLimit) {
        throw malformed(`The message has more than ${notificationLimit} notifications.`);
      }
      this.#notifications.push({ id: '', type: '', object: {} });
    } else if (tag.local === 'sObject') {
      const last = this.#notifications.at(-1);
      if (last !== undefined) last.type = attribute(tag, 'type')?.replace(/^.*:/, '') ?? '';
    }
  }

  close({ tag, text }: Element, parent: SaxesTagNS | undefined): void {
    const last = this.#notifications.at(-1);
    if (parent?.uri !== messageNamespace) return;
    if (parent.local === 'notifications' && tag.local === 'OrganizationId') this.#organizationId = text;
    else if (parent.local === 'notifications' && tag.local === 'ActionId') this.#actionId = text;
    else if (parent.local === 'Notification' && tag.local === 'Id' && last) last.id = text;
    else if (parent.local === 'sObject' && last) {
      const value = attribute(tag, 'nil') === 'true' ? null : text;
      Object.defineProperty(last.object, tag.local, { value, enumerable: true, configurable: true });
    }
  }

  message(): OutboundMessage {
    const missing = this.#organizationId === undefined || this.#notifications.length === 0;
    if (missing || this.#notifications.some(({ id }) => id === '')) {
      throw malformed(
        'The body is not an outbound message: no OrganizationId, or no Notification with an Id.',
      );
    }
    return {
      organizationId: this.#organizationId ?? '',
      actionId: this.#actionId,
      notifications: this.#notifications,
    };
  }
}

function attribute(tag: SaxesTagNS, name: string): string | undefined {
  return Object.values(tag.attributes).find(({ uri, local }) => uri === instanceNamespace && local === name)
    ?.value;
}

const malformed = (message: string) => new SignalboxError('malformed_request', message);
