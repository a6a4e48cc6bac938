/** Asks a browser to make a passkey. It is no factor before it was made; beside other factors it takes the proof of one of them. */
import { passkeySeconds, Problem, problems, type ReplyOf, type RequestOf, type beginPasskey } from '@countersign/contracts'
import { orFirst, type Audit } from '@countersign/mongo'
import type { Asking } from '../asking.ts'
import type { FactorRepository } from '../factors/factor-repository.ts'
import { isPasskey } from '../factors/factor.ts'
import type { UseStepUp } from '../step-ups/use-step-up.ts'
import type { Transact } from '../transaction.ts'
import { onePasskeyPerCommand, type PasskeyEnrolment, type PasskeyEnrolmentRepository } from './passkey-enrolment.ts'
import type { RelyingParty } from './relying-party.ts'

export interface BeginPasskeyDeps {
  readonly factors: Pick<FactorRepository, 'ownerOf' | 'listOf'>
  readonly passkeyEnrolments: Pick<PasskeyEnrolmentRepository, 'findByCommand' | 'begin'>
  readonly party: Pick<RelyingParty, 'creationOptions'>
  readonly stepUps: Pick<UseStepUp, 'use'>
  readonly audit: Audit
  readonly transact: Transact
  readonly newFactorId: () => string
  /** 256 random bits, base64url. */
  readonly newSecret: () => string
}

/** Their ids all go to the browser whenever one is asked for. */
export const mostPasskeys = 20

export const createBeginPasskey = ({ factors, passkeyEnrolments, party, stepUps, audit, transact, newFactorId, newSecret }: BeginPasskeyDeps) => {
  /** @throws Problem stepUpRequired when the user has a factor, tooMany */
  return async ({ user_id: userId, session_id: sessionId, step_up: stepUpId, account }: RequestOf<typeof beginPasskey>, asking: Asking): Promise<ReplyOf<typeof beginPasskey>> => {
    const { commandId, requestId } = asking
    const repeated = () => passkeyEnrolments.findByCommand(userId, sessionId, commandId)
    const passkeys = (await factors.listOf(userId)).filter(isPasskey)
    if (passkeys.length >= mostPasskeys) throw new Problem(problems.tooMany)

    const begun = await repeated() ?? await transact(async (transaction): Promise<PasskeyEnrolment> => {
      const owner = await factors.ownerOf(userId, transaction)
      const proof = owner && await stepUps.use({ userId, sessionId, stepUpId, action: { type: 'factors.add_passkey', resource_id: '-' } }, asking, transaction)
      const id = newFactorId()
      const made = await passkeyEnrolments.begin({
        id, userId, sessionId, commandId, account, challenge: newSecret(), factorRoot: owner?.factorRoot ?? null, provedBy: proof?.factor.id ?? null,
        // One for all of a user's passkeys, so that an authenticator shows them as one account.
        userHandle: passkeys[0]?.userHandle ?? newSecret()
      }, passkeySeconds, transaction)
      await audit.append({
        event: 'factor.enrolment_begun', subject: userId, actor: userId, requestId, facts: { factor: id, kind: 'passkey', session: sessionId, step_up: stepUpId ?? null, proved_by: proof?.factor.id ?? null }
      }, transaction)
      return made
    }).catch(orFirst(onePasskeyPerCommand, repeated))
    return { factor_id: begun.id, options: await party.creationOptions({ ...begun, exclude: passkeys }), expires_at: begun.expiresAt.toISOString() }
  }
}
