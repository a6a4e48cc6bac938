import {
  askPasskeyProof, beginPasskeyFactor, beginPasskeyStepUp, challengePasskey, confirmPasskeyFactor, signInWithPasskey as signInRoute, stepUpSeconds, verifyPasskeyProof, type TokenReply
} from '@countersign/contracts'
import { addRoute } from '@countersign/http'
import type { CommandClient } from '@countersign/redis'
import type { FastifyInstance } from 'fastify'
import type { AddPasskey } from '../passkeys/add-passkey.ts'
import type { AnswerWithPasskey, AssertedCredential } from '../passkeys/answer-with-passkey.ts'
import type { AskForPasskey, SignInWithPasskey } from '../passkeys/sign-in-with-passkey.ts'
import type { ClientDescription } from '../sessions/open-session.ts'
import type { OpenSession } from '../sessions/session-state.ts'
import type { SignedIn } from '../sign-in/sign-in-with-wallet.ts'
import { askerOf } from './asker-of.ts'
import { stepUpOf } from './factors.ts'
import { clientOf } from './wallet-sign-in.ts'

export interface PasskeyRoutesDeps {
  readonly passkeys: {
    readonly add: AddPasskey
    readonly answer: AnswerWithPasskey
    readonly ask: AskForPasskey
    readonly signIn: SignInWithPasskey
  }
  readonly commands: Pick<CommandClient, 'call'>
  readonly openSession: (signedIn: SignedIn, client: ClientDescription) => Promise<TokenReply>
}

export function passkeyRoutes (app: FastifyInstance, { passkeys: { add, answer, ask, signIn }, commands, openSession }: PasskeyRoutesDeps): void {
  addRoute<typeof beginPasskeyFactor, OpenSession>(app, beginPasskeyFactor, async ({ session, request }) => {
    const { username, email, id } = session.user
    return await add.begin(askerOf(session, request), username ?? email ?? id, stepUpOf(request))
  })

  addRoute<typeof confirmPasskeyFactor, OpenSession>(app, confirmPasskeyFactor, async ({ body: { factor_id, credential: { id, rawId, type, response: { clientDataJSON, attestationObject, transports } }, name }, session, request }) =>
    await add.confirm(askerOf(session, request), {
      factor_id, credential: { id, rawId, type, response: { clientDataJSON, attestationObject, ...transports !== undefined && { transports } } }, ...name !== undefined && { name }
    }))

  addRoute<typeof askPasskeyProof, OpenSession>(app, askPasskeyProof, async ({ params, session, request }) =>
    await commands.call(beginPasskeyStepUp, { user_id: session.userId, session_id: session.id, challenge_id: params.id }, { requestId: request.id, actor: session.userId }))

  addRoute<typeof verifyPasskeyProof, OpenSession>(app, verifyPasskeyProof, async ({ params: { id }, body, session, request }) => {
    const { factorKind, verifiedAt } = await answer(askerOf(session, request), id, assertedIn(body.credential))
    return { id, factor_kind: factorKind, verified_at: verifiedAt.toISOString(), usable_until: new Date(verifiedAt.getTime() + stepUpSeconds * 1_000).toISOString() }
  })

  addRoute(app, challengePasskey, async ({ request }) => await ask(request.id))

  addRoute(app, signInRoute, async ({ body, request }) => {
    const signedIn = await signIn({ challengeId: body.challenge_id, credential: assertedIn(body.credential), requestId: request.id })
    return await openSession(signedIn, clientOf(request))
  })
}

/** What browsers add is left here. */
const assertedIn = ({ id, rawId, type, response: { clientDataJSON, authenticatorData, signature, userHandle } }: AssertedCredential): AssertedCredential =>
  ({ id, rawId, type, response: { clientDataJSON, authenticatorData, signature, ...userHandle !== undefined && { userHandle } } })
