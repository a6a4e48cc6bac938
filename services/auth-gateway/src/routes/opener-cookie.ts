/**
 * The browser of a sign-up keeps its secret in a cookie that no script reads, so that the link in the mail, opened in the same browser, is
 * known to be its own doing. It opens nothing by itself.
 */
import type { FastifyReply, FastifyRequest } from 'fastify'

const lifeSeconds = 86_400
const form = /^[A-Za-z0-9_-]{43}$/

export interface OpenerCookie {
  readonly keep: (reply: FastifyReply, secret: string) => void
  readonly read: (request: FastifyRequest) => string | undefined
}

/** @param secure whether browsers come over https: then no other host of the domain can plant one (`__Host-`, RFC 6265bis §4.1.3.2) */
export function createOpenerCookie ({ secure }: { readonly secure: boolean }): OpenerCookie {
  const name = secure ? '__Host-countersign-opener' : 'countersign-opener'
  return {
    // Lax, since the link is followed from a mail, which may be read on another site.
    keep: (reply, secret) => { void reply.setCookie(name, secret, { path: '/', httpOnly: true, sameSite: 'lax', secure, maxAge: lifeSeconds }) },
    read ({ cookies }) {
      const value = cookies[name]
      return value !== undefined && form.test(value) ? value : undefined
    }
  }
}
