/** Puts the limits of signing in before every route on which something is guessed or a mail sent to whomever, and takes back afterwards what was no guess. */
import type { AskingPlace } from '@countersign/contracts'
import { clientIp } from '@countersign/http'
import type { FastifyInstance, FastifyRequest, RouteOptions } from 'fastify'
import { countingOf, type CountedRoute } from './counted-routes.ts'
import type { AdmittedTry, SignInLimits, TryKind } from './sign-in-limits.ts'

declare module 'fastify' {
  interface FastifyRequest {
    /** Null where nothing was counted. */
    signInTry: AdmittedTry | null
  }
}

/** Call it before the routes are registered. @throws at start for a route open to guesses that counted-routes.ts does not know */
export function limitSignIn (app: FastifyInstance, limits: Pick<SignInLimits, 'take'>): void {
  app.decorateRequest('signInTry', null)

  app.addHook('onRoute', (route: RouteOptions) => {
    const contract = route.config?.contract
    const counting = contract === undefined ? undefined : countingOf(contract)
    if (counting === undefined || counting === 'secret') return
    // After the schema, so that the subject is what its form says; before the handler looks at any proof.
    route.preHandler = [...[route.preHandler ?? []].flat(), takeFor(counting)]
    route.onSend = [...[route.onSend ?? []].flat(), async (request, reply, payload) => {
      // Not waited for: on one connection Redis keeps the order, and the answer is the same.
      if (!remains(counting.kind, reply.statusCode)) void request.signInTry?.giveBack({ wasRight: reply.statusCode < 300 })
      return payload
    }]
  })

  const takeFor = ({ kind, subject }: CountedRoute) => async (request: FastifyRequest): Promise<void> => {
    const session = request.session as { readonly userId: string } | null
    request.signInTry = await limits.take({
      kind,
      ip: clientIp(request),
      subject: subject?.({ body: request.body as Readonly<Record<string, unknown>>, userId: session?.userId })
    })
  }
}

/** From where a message is asked for, and whether the login that the request names was right from there before. @throws on a route that is not counted */
export function placeOf ({ signInTry }: FastifyRequest): AskingPlace {
  if (signInTry === null) throw new Error('a message is asked for on a route that counted-routes.ts does not know')
  return signInTry.place
}

/** A wrong code of the earlier OTP system is answered 400. */
const refusals = [400, 401]

/** Of proofs and passwords the wrong ones; of what stores or mails something, what was done. */
const remains = (kind: TryKind, status: number): boolean => kind === 'proof' || kind === 'password' ? refusals.includes(status) : status < 400
