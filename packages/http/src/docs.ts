/** The API's own description, made from the contracts, a page to try it and a page to read it. Nothing is loaded from elsewhere. */
import swagger from '@fastify/swagger'
import swaggerUi from '@fastify/swagger-ui'
import { Problem, problems, type Route } from '@countersign/contracts'
import type { FastifyInstance } from 'fastify'
import { describeOperations, problemSchemas, type OpenApiDocument } from './openapi.ts'
import { pagePolicy } from './page-look.ts'
import { referencePage, type DescribedApi } from './reference-page.ts'

export interface DocsOptions {
  readonly title: string
  readonly version: string
  readonly description?: string
}

/** Swagger UI styles elements in place and draws its icons as data; its scripts are files of this server. */
const swaggerPolicy = {
  'default-src': "'none'",
  'script-src': "'self'",
  'style-src': "'self' 'unsafe-inline'",
  'img-src': "'self' data:",
  'font-src': "'self'",
  'connect-src': "'self'",
  'base-uri': "'none'",
  'form-action': "'none'",
  'frame-ancestors': "'none'"
}

/** Serves /docs, /redoc and /openapi.json. Call it before the routes: it describes those that come after. */
export const registerDocs = async (app: FastifyInstance, { title, version, description }: DocsOptions): Promise<void> => {
  const routes: Route[] = []
  app.addHook('onRoute', ({ config, method }) => {
    if (config?.contract !== undefined && method !== 'HEAD') routes.push(config.contract)
  })

  await app.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: { title, version, ...description !== undefined && { description } },
      components: {
        securitySchemes: {
          bearer: { type: 'http', scheme: 'bearer', bearerFormat: 'JWT', description: 'Access token of a session' },
          session_id: { type: 'apiKey', in: 'header', name: 'X-Session-Id', description: 'Secret of a session; browsers may send it as the cookie `sessionId`' },
          api_key: { type: 'apiKey', in: 'header', name: 'X-Api-Key', description: 'An API key that has the scope of the route; `Authorization: Bearer` takes it too' }
        },
        schemas: problemSchemas as never
      }
    },
    convertConstToEnum: false,
    hideUntagged: true,
    transformObject: (document) => 'openapiObject' in document ? describeOperations(document.openapiObject as OpenApiDocument, routes) : document.swaggerObject
  })
  await app.register(async (page) => {
    refuseStrangePaths(page)
    await page.register(swaggerUi, {
      routePrefix: '/docs',
      staticCSP: swaggerPolicy,
      uiConfig: { layout: 'BaseLayout', validatorUrl: null, persistAuthorization: false, displayRequestDuration: true },
      theme: { title }
    })
  })
  app.get('/openapi.json', { schema: { hide: true } }, async () => app.swagger())
  let reference: string | undefined
  app.get('/redoc', { schema: { hide: true } }, async (_request, reply) => {
    reference ??= referencePage(app.swagger() as unknown as DescribedApi)
    return reply.header('content-security-policy', pagePolicy()).type('text/html; charset=utf-8').send(reference)
  })
}

/** Files are sent by a library whose refusals (a path with %00, an impossible range) are errors with a status of their own. */
function refuseStrangePaths (page: FastifyInstance): void {
  page.setErrorHandler((error: { readonly statusCode?: number, readonly status?: number }, _request, _reply) => {
    const status = error.statusCode ?? error.status ?? 500
    throw status >= 400 && status < 500 ? new Problem(problems.noSuchRoute) : error
  })
}
