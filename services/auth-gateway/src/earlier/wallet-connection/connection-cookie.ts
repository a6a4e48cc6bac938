import type { FastifyReply, FastifyRequest } from 'fastify'

const name = 'walletConnection'

export type ConnectionCookie = ReturnType<typeof createConnectionCookie>

/** Holds a fresh connection's token between `connect` and `authenticate`, out of reach of scripts and other sites. */
export function createConnectionCookie ({ secure }: { readonly secure: boolean }) {
  const options = { path: '/api/wallet', httpOnly: true, sameSite: 'strict', secure } as const
  return {
    tokenIn: (request: FastifyRequest): string | undefined => request.cookies[name],
    set (reply: FastifyReply, token: string, seconds: number): void {
      reply.setCookie(name, token, { ...options, maxAge: seconds })
    },
    forget (request: FastifyRequest, reply: FastifyReply): void {
      if (request.cookies[name] !== undefined) reply.clearCookie(name, options)
    }
  }
}
