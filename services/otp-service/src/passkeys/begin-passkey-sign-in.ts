import { passkeySeconds, type ReplyOf, type beginPasskeySignIn } from '@countersign/contracts'
import type { Asking } from '../asking.ts'
import type { PasskeySignIns } from './passkey-sign-ins.ts'
import type { RelyingParty } from './relying-party.ts'

export interface BeginPasskeySignInDeps {
  readonly passkeySignIns: Pick<PasskeySignIns, 'begin'>
  readonly party: Pick<RelyingParty, 'requestOptions'>
  readonly newChallengeId: () => string
  /** 256 random bits, base64url. */
  readonly newSecret: () => string
}

/** No passkey is named, so that the answer tells nothing of any account. */
export const createBeginPasskeySignIn = ({ passkeySignIns, party, newChallengeId, newSecret }: BeginPasskeySignInDeps) =>
  async ({ caller }: Asking): Promise<ReplyOf<typeof beginPasskeySignIn>> => {
    const [id, challenge] = [newChallengeId(), newSecret()]
    const { expiresAt } = await passkeySignIns.begin({ id, aud: caller, challenge }, passkeySeconds)
    return { challenge_id: id, options: await party.requestOptions(challenge), expires_at: expiresAt.toISOString() }
  }
