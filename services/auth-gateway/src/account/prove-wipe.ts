import { beginFactorWipe, confirmFactorWipe, Problem, problems, wipeActionPreimage, type ReceiptClaims, type ReplyOf } from '@countersign/contracts'
import type { CommandClient } from '@countersign/redis'
import { actionDigest, keyedHash } from '@countersign/secrets'
import type { Asker } from '../sign-in/link-wallet.ts'
import { refusedReceipt } from '../receipts/refused-receipt.ts'

export interface WipeProof {
  readonly challengeId: string
  readonly code: string
}

export interface ProveWipeDeps {
  readonly commands: Pick<CommandClient, 'call'>
  /** 32 bytes for this purpose alone: the command id is a hash over a short code. */
  readonly commandKey: Uint8Array
  readonly verifyReceipt: (jws: string) => Promise<ReceiptClaims>
}

export type AskForWipeCode = (asker: Asker) => Promise<ReplyOf<typeof beginFactorWipe>>

/** Has otp-service mail the code, when there is an address that it could go to. @throws Problem factorLocked, sendLimited, unavailable */
export const createAskForWipeCode = ({ commands }: Pick<ProveWipeDeps, 'commands'>): AskForWipeCode =>
  async ({ userId, sessionId, requestId }) => await commands.call(beginFactorWipe, { user_id: userId, session_id: sessionId }, { requestId, actor: userId })

/** @returns the id of otp-service's receipt; null when there is no factor, so nothing to prove. */
export type ProveWipe = (asker: Asker, proof: WipeProof | undefined) => Promise<string | null>

/**
 * otp-service keeps the proof on its own record as well, and wipes factors by that one alone. Here the receipt is what the audit names.
 * @throws Problem factorProofRequired, codeRejected, factorLocked, unavailable
 */
export const createProveWipe = ({ commands, commandKey, verifyReceipt }: ProveWipeDeps): ProveWipe =>
  async ({ userId, sessionId, requestId }, proof) => {
    const { receipt } = await commands.call(confirmFactorWipe, {
      user_id: userId, session_id: sessionId, ...proof && { proof: { challenge_id: proof.challengeId, code: proof.code } }
    }, {
      requestId,
      actor: userId,
      // The same request sent again, because its answer was lost, is the same command: its result is read, not refused as a used code.
      ...proof && { commandId: `cmd_${keyedHash(commandKey, sessionId, proof.challengeId, proof.code).toString('base64url')}` }
    })
    if (receipt === null) return null
    const claims = await verifyReceipt(receipt).catch(refusedReceipt)
    const ours = claims.aud === 'auth-gateway' && claims.purpose === 'account_delete' && claims.sub === userId &&
      claims.challenge_id === proof?.challengeId && claims.action_digest === digestFor(userId)
    if (!ours) throw new Problem(problems.codeRejected)
    return claims.jti
  }

const digestFor = (userId: string): string => actionDigest(wipeActionPreimage(userId))
