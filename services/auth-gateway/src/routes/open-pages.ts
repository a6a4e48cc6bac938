/** What anyone may read: the front page, the keys of access tokens, and whether the house is up. */
import { readHealth, readJwks, readPasskeyOrigins } from '@countersign/contracts'
import { addRoute, pagePolicy, pageStyle } from '@countersign/http'
import type { Jwks } from '@countersign/secrets'
import type { FastifyInstance, FastifyReply } from 'fastify'
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
  addRoute(app, readJwks, ({ reply }) => {
    reply.header('cache-control', `public, max-age=${jwksCacheSeconds}`)
    return Promise.resolve({ keys: [...jwks().keys] })
  })

  // Related origins (WebAuthn level 3 §5.11): applications on other domains ask for passkeys of this one, and browsers ask here whether they may.
  addRoute(app, readPasskeyOrigins, () => Promise.resolve({ origins: [...passkeyOrigins] }))

  addRoute(app, readHealth, async ({ reply }) => tellHealth(reply, await health()))
}

/** @returns the answer of a probe, once its status is set: load balancers read nothing else. */
export function tellHealth<Health extends { readonly status: 'healthy' | 'unhealthy' }> (reply: FastifyReply, answer: Health): Health {
  reply.code(answer.status === 'healthy' ? 200 : 503).header('cache-control', 'no-store')
  return answer
}
