/** At the start: is the KMS there, and do its keys still give the addresses that hold the money? */
import { KmsFault, type OpenKeyRing } from '@countersign/kms'
import type { Logger } from '@countersign/runtime'
import type { Wallet } from './wallet.ts'

export interface CheckKeysGiven {
  readonly keyRing: Pick<OpenKeyRing, 'address'>
  readonly wallets: readonly Pick<Wallet, 'id' | 'keyId' | 'address' | 'active'>[]
  readonly defaultKeyId: string | undefined
  readonly log: Logger
}

/** Answered with a refusal by any KMS: that is an answer. */
const probeKeyId = 'alias/countersign-start-check'

/**
 * One key that is disabled or closed stops its wallet, not the service.
 * @throws KmsFault when the KMS does not answer; Error when a key gives another address than its wallet's.
 */
export async function checkKeys ({ keyRing, wallets, defaultKeyId, log }: CheckKeysGiven): Promise<void> {
  const active = wallets.filter(({ active }) => active)
  if (active.length === 0) await reach(keyRing, defaultKeyId ?? probeKeyId)
  for (const { id, keyId, address } of active) {
    const found = await reach(keyRing, keyId)
    if (found instanceof KmsFault) log.error({ wallet: id, fault: found.code }, 'the key of a wallet cannot be used: nothing is sent from it')
    else if (found !== address) throw new Error(`the key of wallet ${id} gives another address than the wallet's: was its alias moved?`)
  }
}

async function reach (keyRing: Pick<OpenKeyRing, 'address'>, keyId: string): Promise<string | KmsFault> {
  try {
    return await keyRing.address(keyId)
  } catch (error) {
    if (!(error instanceof KmsFault) || error.retryable) throw error
    return error
  }
}
