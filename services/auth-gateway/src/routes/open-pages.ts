/** What anyone may read: the front page, the keys of access tokens, and whether the house is up. */
import { pagePolicy, pageStyle } from '@countersign/http'
import type { Jwks } from '@countersign/secrets'
import type { FastifyInstance } from 'fastify'
import type { PublicHealth } from '../health/public-health.ts'
import { jwksCacheSeconds } from '../signing-keys/signing-key.ts'

export interface OpenPagesDeps {
  readonly jwks: () => Jwks
  readonly health: () => Promise<PublicHealth>
  /** Of the pages that may use the passkeys of this domain. */
  readonly passkeyOrigins: readonly string[]
}

const frontPage = `<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>Countersign</title><style>${pageStyle}</style></head>
<body>
<h1>Countersign</h1>
<p>Wallet sign-in, countersigned actions, KMS-signed transactions.</p>
<ul>
<li><a href="/docs">API documentation</a></li>
<li><a href="/redoc">The same on one page</a></li>
<li><a href="/openapi.json">OpenAPI document</a></li>
<li><a href="/health">Health</a></li>
</ul>
</body>
</html>
`

export function openPages (app: FastifyInstance, { jwks, health, passkeyOrigins }: OpenPagesDeps): void {
  app.get('/', { schema: { hide: true } as object }, async (_request, reply) => reply.header('content-security-policy', pagePolicy()).type('text/html; charset=utf-8').send(frontPage))

  // A key signs nothing until every copy of the list without it has ended.
  app.get('/.well-known/jwks.json', { schema: { hide: true } as object }, async (_request, reply) => reply.header('cache-control', `public, max-age=${jwksCacheSeconds}`).send(jwks()))

  // Related origins (WebAuthn level 3 §5.11): applications on other domains ask for passkeys of this one, and browsers ask here whether they may.
  app.get('/.well-known/webauthn', { schema: { hide: true } as object }, async (_request, reply) => reply.send({ origins: passkeyOrigins }))

  // Probes must not be refused for asking often.
  app.get('/health', { schema: { hide: true } as object, config: { limit: 'none' } }, async (_request, reply) => {
    const answer = await health()
    return reply.code(answer.status === 'healthy' ? 200 : 503).header('cache-control', 'no-store').send(answer)
  })
}
