/** The two cookies of the gateway: a session's secret, and a refresh token. Scripts see neither, other sites cannot make a browser send them. */
import type { FastifyReply, FastifyRequest } from 'fastify'

const secretCookie = 'sessionId'
/** The prefix makes browsers refuse it unless it is Secure, for this host alone and for every path (RFC 6265bis §4.1.3.2). */
const refreshCookie = '__Host-csr'

export type SessionCookies = ReturnType<typeof createSessionCookies>

/** @param secure whether callers come over https; browsers take a Secure cookie over plain http from localhost only */
export function createSessionCookies ({ secure }: { readonly secure: boolean }) {
  const strict = { path: '/', httpOnly: true, sameSite: 'strict' } as const
  const ofSecret = { ...strict, secure }
  const ofRefresh = { ...strict, secure: true }

  return {
    secretIn: (request: FastifyRequest): string | undefined => request.cookies[secretCookie],
    refreshIn: (request: FastifyRequest): string | undefined => request.cookies[refreshCookie],

    setSecret (reply: FastifyReply, secret: string, expires: Date): void {
      reply.setCookie(secretCookie, secret, { ...ofSecret, expires })
    },
    setRefresh (reply: FastifyReply, token: string, expires: Date): void {
      reply.setCookie(refreshCookie, token, { ...ofRefresh, expires })
    },

    /** Takes back what the browser sent, after its session ended. */
    forget (request: FastifyRequest, reply: FastifyReply): void {
      if (request.cookies[secretCookie] !== undefined) reply.clearCookie(secretCookie, ofSecret)
      if (request.cookies[refreshCookie] !== undefined) reply.clearCookie(refreshCookie, ofRefresh)
    }
  }
}
