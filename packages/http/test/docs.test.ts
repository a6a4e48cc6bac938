import { createHash } from 'node:crypto'
import t from 'tap'
import { problems, routes, type Route } from '@countersign/contracts'
import { addRoute, registerDocs } from '../src/index.ts'
import { openServer } from './open-server.ts'

interface Operation {
  operationId: string
  tags: string[]
  security?: object[]
  parameters?: { name: string, in: string }[]
  requestBody?: { content: Record<string, { schema: object }> }
  responses: Record<string, { description: string, headers?: object, content?: Record<string, { schema: object }> }>
}
interface Document {
  openapi: string
  info: object
  paths: Record<string, Record<string, Operation>>
  components: { schemas: Record<string, object>, securitySchemes: object }
}

const openDocs = async (test: Parameters<typeof openServer>[0]) => {
  const opened = await openServer(test, { sessionGuard: async () => null })
  await registerDocs(opened.app, { title: 'Countersign', version: '1.2.3' })
  for (const route of routes) addRoute(opened.app, route, async () => undefined as never)
  const document = (await opened.app.inject('/openapi.json')).json<Document>()
  return { ...opened, document }
}
const pathOf = ({ path }: Route): string => path.replace(/:(\w+)/g, '{$1}')

void t.test('every route of the contracts is described, with its schemas, its caller and its problems by status', async (t) => {
  const { document } = await openDocs(t)

  t.match(document, { openapi: '3.1.0', info: { title: 'Countersign', version: '1.2.3' }, components: { securitySchemes: { bearer: { type: 'http', scheme: 'bearer' } } } })
  t.equal(Object.values(document.paths).flatMap((methods) => Object.keys(methods)).length, routes.length, 'and nothing else is')
  for (const route of routes) {
    const operation = document.paths[pathOf(route)]?.[route.method.toLowerCase()]
    t.match(operation, { operationId: route.operationId, tags: [route.tag] })
    t.strictSame(operation?.security, route.caller === 'session' ? [{ bearer: [] }, { session_id: [] }, ...route.scope === undefined ? [] : [{ api_key: [] }]] : undefined)
    t.equal(operation?.requestBody !== undefined, route.body !== undefined)
    const statuses = new Set([String(route.status), ...route.orStatus === undefined ? [] : [String(route.orStatus.status)], '500', ...route.problems.map((name) => String(problems[name].status))])
    t.strictSame(Object.keys(operation?.responses ?? {}).sort(), [...statuses].sort(), route.operationId)
    t.equal(operation?.responses[String(route.status)]?.content !== undefined, route.reply !== undefined)
    for (const name of route.problems) {
      const response = operation?.responses[String(problems[name].status)]
      t.match(response?.description, problems[name].type)
      const media = route.refusals === undefined ? 'application/problem+json' : 'application/json'
      t.match(JSON.stringify(response?.content?.[media]?.schema), '{"$ref":"#/components/schemas/Problem"}')
    }
  }
  t.ok(document.components.schemas['Problem'])
})

void t.test('refusals for callers who come too often document how long to wait', async (t) => {
  const { document } = await openDocs(t)

  t.match(document.paths['/api/v1/auth/evm/verify']?.['post']?.responses['429'], { headers: { 'Retry-After': Object } })
})

void t.test('the page works under its own policy: no other host, no script in place', async (t) => {
  const { app } = await openDocs(t)
  const first = await app.inject('/docs')
  const page = first.statusCode === 200 ? first : await app.inject(String(first.headers['location']).replace(/^\./, ''))

  t.equal(page.statusCode, 200)
  const policy = String(page.headers['content-security-policy'])
  t.match(policy, /default-src 'none';.*script-src 'self';/)
  t.notMatch(policy, /https?:|unsafe-eval|script-src[^;]*unsafe/)
  t.notMatch(page.body, /(src|href)="(https?:)?\/\//, 'nothing is loaded from elsewhere')
  t.notMatch(page.body, /<script(?![^>]* src=)[^>]*>|\son\w+=/i, 'no script stands in the page')

  const sources = [...page.body.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, source]) => String(source))
  t.ok(sources.length > 3)
  for (const source of sources) {
    const asset = await app.inject(new URL(source, 'http://x/docs').pathname)
    t.equal(asset.statusCode, 200, source)
  }
  t.match((await app.inject('/api/v1/me')).headers['content-security-policy'], /^default-src 'none';base-uri/, 'the API keeps its own')
})

void t.test('the page to read shows every route, escaped, with one style that its policy names and no script', async (t) => {
  const { app, document } = await openDocs(t)

  const { statusCode, headers, body } = await app.inject('/redoc')

  t.equal(statusCode, 200)
  t.match(headers['content-type'], /^text\/html/)
  const policy = String(headers['content-security-policy'])
  t.match(policy, /^default-src 'none';style-src 'sha256-[^']+';base-uri 'none'/)
  const style = /<style>([^<]*)<\/style>/.exec(body)?.[1] ?? ''
  t.ok(policy.includes(createHash('sha256').update(style).digest('base64')), 'the browser takes the style')
  t.notMatch(body, /<script|\son\w+=|\sstyle=|(src|href)="(https?:)?\/\//i)
  for (const [path, methods] of Object.entries(document.paths)) {
    for (const [method, { operationId }] of Object.entries(methods)) {
      t.ok(body.includes(`<section id="${operationId}">\n<h3><code>${method.toUpperCase()} ${path}</code></h3>`), operationId)
    }
  }
  t.ok(body.includes('&quot;signed_message&quot;'), 'examples are shown')
  t.notMatch(body, /undefined|\[object/)
})
