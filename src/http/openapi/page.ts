import { type Html, html } from '../page/html.ts';
import { page } from '../page/layout.ts';
import { type JsonSchema, typeOf } from './described.ts';
import type { Content, OpenApi, Operation, Parameter } from './document.ts';

/** The document for people: a page without a script, of nothing but what the document says. */
export function documentationPage(document: OpenApi): string {
  const operations = Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ path, method, operation })),
  );
  const ofTag = (name: string) => operations.filter(({ operation }) => operation.tags.includes(name));
  const content = html`<h1>Signalbox over HTTP</h1>
<p class="soft">${document.info.description as string} The same for machines: <a href="/openapi.json">/openapi.json</a>.</p>
<nav class="contents" aria-label="Contents">${document.tags.map(({ name }) => html`<a href="#${name}">${name}</a> `)}<a href="#schemas">schemas</a></nav>
${document.tags.map(({ name }) => html`<section id="${name}"><h2>${name}</h2>${ofTag(name).map((each) => operationPart(each.path, each.method, each.operation))}</section>`)}
<section id="schemas"><h2>schemas</h2>${Object.entries(document.components.schemas).map(schemaPart)}</section>`;
  return page({ title: 'HTTP reference', content });
}

function operationPart(path: string, method: string, operation: Operation): Html {
  const scopes = new Set(operation.security.flatMap((one) => Object.values(one).flat()));
  const who = scopes.size === 0 ? 'no key' : `a key with ${[...scopes].join(' or ')}`;
  return html`<details class="operation"><summary><code><strong>${method.toUpperCase()}</strong> ${path}</code> <span>${operation.summary}</span></summary>
<p class="soft">${operation.description} Needs ${operation['x-zone'] === 'senders' && scopes.size === 0 ? 'a signature' : who}.</p>
${operation.parameters !== undefined && parametersPart(operation.parameters)}
${operation.requestBody !== undefined && html`<h4>Body</h4>${contentPart(operation.requestBody.content)}`}
${Object.entries(operation.responses).map(([status, response]) => html`<h4>${status === 'default' ? 'Otherwise' : status}</h4>${response.$ref === undefined ? html`<p class="soft">${response.description}</p>${response.content !== undefined && contentPart(response.content)}` : html`<p><a href="#schema-Problem">A problem</a>.</p>`}`)}
</details>`;
}

function parametersPart(parameters: readonly Parameter[]): Html {
  return html`<h4>Parameters</h4><table><tbody>${parameters.map(
    ({ name, in: place, required, description, schema }) =>
      html`<tr><td><code>${name}</code></td><td>${place}${required && ', required'}</td><td>${typeLink(schema as JsonSchema)}</td><td>${description}</td></tr>`,
  )}</tbody></table>`;
}

function contentPart(content: Content): Html {
  return html`${Object.entries(content).map(
    ([mediaType, { schema }]) =>
      html`<p><code>${mediaType}</code>: ${typeLink(schema as JsonSchema)}</p>${membersPart(schema as JsonSchema)}`,
  )}`;
}

function schemaPart([name, schema]: [string, JsonSchema]): Html {
  const [example] = (schema.examples ?? []) as readonly unknown[];
  return html`<article class="schema" id="schema-${name}"><h3>${name}</h3><p class="soft">${schema.description as string}</p>${membersPart(schema)}
${example !== undefined && html`<pre>${JSON.stringify(example, null, 2)}</pre>`}</article>`;
}

function membersPart({ properties, required = [] }: JsonSchema): Html | false {
  if (properties === undefined) return false;
  const needed = required as readonly string[];
  const rows = Object.entries(properties as Readonly<Record<string, JsonSchema>>);
  return html`<table><tbody>${rows.map(
    ([name, schema]) =>
      html`<tr><td><code>${name}</code></td><td>${typeLink(schema)}${!needed.includes(name) && ', optional'}</td><td>${schema.description as string}${nestedPart(schema)}</td></tr>`,
  )}</tbody></table>`;
}

const nestedPart = (schema: JsonSchema): Html | false =>
  membersPart(schema.items === undefined ? schema : (schema.items as JsonSchema));

/** Its type in words, as a link where it has a name. */
function typeLink(schema: JsonSchema): Html {
  const [before, name] = typeOf(schema);
  return name === undefined ? html`${before}` : html`${before}<a href="#schema-${name}">${name}</a>`;
}
