/** The API's description as one page to read: no script, nothing loaded, one style that the page's own policy names. */
import { pageStyle } from './page-look.ts'

/** As much of an OpenAPI document as the page shows. */
export interface DescribedApi {
  readonly info: { readonly title: string, readonly version: string, readonly description?: string }
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>
}

interface Operation {
  readonly operationId?: string
  readonly tags?: readonly string[]
  readonly summary?: string
  readonly description?: string
  readonly security?: readonly unknown[]
  readonly parameters?: readonly { readonly name: string, readonly in: string, readonly required?: boolean, readonly description?: string, readonly schema?: Schema }[]
  readonly requestBody?: { readonly content?: Content }
  readonly responses?: Readonly<Record<string, { readonly description?: string, readonly content?: Content }>>
}
type Content = Readonly<Record<string, { readonly schema?: Schema, readonly example?: unknown }>>
interface Schema {
  readonly type?: string | readonly string[]
  readonly description?: string
  readonly required?: readonly string[]
  readonly properties?: Readonly<Record<string, Schema>>
}
interface Place { readonly method: string, readonly path: string, readonly operation: Operation }

/** @returns HTML; every text of the document is escaped */
export function referencePage ({ info, paths }: DescribedApi): string {
  const places = Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]): Place => ({ method: method.toUpperCase(), path, operation })))
  const tags = [...new Set(places.map(({ operation }) => operation.tags?.[0] ?? 'Other'))]
  const of = (tag: string): Place[] => places.filter(({ operation }) => (operation.tags?.[0] ?? 'Other') === tag)
  return `<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>${text(info.title)}</title><style>${pageStyle}</style></head>
<body>
<h1>${text(info.title)} ${text(info.version)}</h1>
<p>${text(info.description ?? '')} <a href="/docs">Try it</a> or take the <a href="/openapi.json">OpenAPI document</a>.</p>
${tags.map((tag) => `<h2>${text(tag)}</h2>\n<ul>\n${of(tag).map(link).join('\n')}\n</ul>`).join('\n')}
${places.map(section).join('\n')}
</body>
</html>
`
}

const anchor = ({ method, path, operation }: Place): string => text(operation.operationId ?? `${method} ${path}`)
const link = (place: Place): string => `<li><a href="#${anchor(place)}"><code>${place.method} ${text(place.path)}</code></a> ${prose(place.operation.summary ?? '')}</li>`

function section (place: Place): string {
  const { summary = '', description = '', security, parameters = [], requestBody, responses = {} } = place.operation
  const body = requestBody?.content?.['application/json']
  return `<section id="${anchor(place)}">
<h3><code>${place.method} ${text(place.path)}</code></h3>
<p><strong>${prose(summary)}.</strong> ${prose(description)}${security === undefined ? '' : ' <em>Needs a session.</em>'}</p>
${table(parameters.map(({ name, in: where, required, description: said, schema }) => [`${name} (${where})`, required === true, said ?? schema?.description ?? '']))}
${table(fieldsOf(body?.schema))}
${example('Request', body?.example)}
${Object.entries(responses).map(([status, { description: said = '', content }]) => `<p><code>${text(status)}</code> ${prose(said)}</p>${example('Answer', content?.['application/json']?.example)}`).join('\n')}
</section>`
}

const fieldsOf = ({ properties = {}, required = [] }: Schema = {}): Field[] =>
  Object.entries(properties).map(([name, { description, type = '' }]) => [name, required.includes(name), description ?? String(type)])

type Field = readonly [name: string, required: boolean, said: string]
const table = (fields: readonly Field[]): string => fields.length === 0
  ? ''
  : `<table>${fields.map(([name, required, said]) => `<tr><td><code>${text(name)}</code></td><td>${required ? 'required' : ''}</td><td>${prose(said)}</td></tr>`).join('')}</table>`

const example = (title: string, value: unknown): string => value === undefined ? '' : `<details><summary>${title}</summary><pre>${text(JSON.stringify(value, null, 2))}</pre></details>`

const entities: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' }
const text = (raw: string): string => raw.replace(/[&<>"']/g, (character) => entities[character] ?? character)
/** Names between back-ticks, as descriptions write them. */
const prose = (raw: string): string => text(raw).replace(/`([^`]+)`/g, '<code>$1</code>')
