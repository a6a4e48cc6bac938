import { confirmEmailFactor } from '@countersign/contracts'
import type { CommandClient } from '@countersign/redis'
import { keyedHash } from '@countersign/secrets'

export interface ConfirmEmailRequest {
  readonly challengeId: string
  readonly code: string
  readonly existingCode?: string
}

export interface Asking {
  readonly userId: string
  readonly sessionId: string
  readonly requestId: string
}

export interface ConfirmedByOtp {
  readonly email: string
  readonly provedAt: string
  readonly receipt: string
}

/** @param commandKey 32 bytes for this purpose alone: the command id is a hash over a short code. */
export const createAskConfirmation = ({ commands, commandKey }: { readonly commands: Pick<CommandClient, 'call'>, readonly commandKey: Uint8Array }) =>
  async ({ userId, sessionId, requestId }: Asking, { challengeId, code, existingCode }: ConfirmEmailRequest): Promise<ConfirmedByOtp> => {
    const { email, proved_at: provedAt, receipt } = await commands.call(confirmEmailFactor, {
      user_id: userId, session_id: sessionId, challenge_id: challengeId, code, ...existingCode !== undefined && { existing_code: existingCode }
    }, {
      requestId,
      actor: userId,
      // The same request sent again, because its answer was lost, is the same command: its result is read, not refused as a used code.
      commandId: `cmd_${keyedHash(commandKey, sessionId, challengeId, code, existingCode ?? '').toString('base64url')}`
    })
    return { email, provedAt, receipt }
  }
