/** Permits and authorizations that this signer signed, as far as tokens themselves tell their use: of a row nothing is believed but what its signature covers. */
import { Problem } from '@countersign/contracts'
import { recoverAddress } from 'viem/utils'
import type { Hex } from '../chain/quantity.ts'
import { countedGrant, type CountedGrant } from '../signatures/grants.ts'
import { messageDigest, messageOfPayload, type Message } from '../signatures/message.ts'
import type { SignatureRepository } from '../signatures/signature-repository.ts'
import type { Wallet } from '../wallets/wallet.ts'

export type SignedPermit = CountedGrant & {
  /** Of the signature. */
  readonly id: string
  /** EIP-55. */
  readonly token: string
  /** Whether the wallet's key signed just this: a row that somebody put into the database is none of ours. */
  readonly isSigned: () => Promise<boolean>
}

export type ReadPermits = (wallet: Pick<Wallet, 'id' | 'address'>, chainId: number, tokens: readonly string[]) => Promise<SignedPermit[]>

export const createReadPermits = ({ signatures }: { readonly signatures: Pick<SignatureRepository, 'signedOf'> }): ReadPermits => async ({ id: walletId, address }, chainId, tokens) => {
  const found: SignedPermit[] = []
  for await (const { id, payload, signature } of signatures.signedOf(walletId, chainId)) {
    const message = readable(payload)
    if (message?.form !== 'typed_data' || message.data.domain.chainId !== chainId) continue
    const token = message.data.domain.verifyingContract
    const grant = tokens.includes(token) ? countedGrant(message.data) : undefined
    // What the wallet takes from itself goes by its own transactions.
    if (grant !== undefined && !(grant.form === 'permit' && grant.spender === address)) found.push({ ...grant, id, token, isSigned: async () => await signedBy(address, message, signature) })
  }
  return found
}

/** @returns undefined for what would not be signed today. */
function readable (payload: string): Message | undefined {
  try {
    return messageOfPayload(payload)
  } catch (error) {
    if (error instanceof Problem || error instanceof SyntaxError) return undefined
    throw error
  }
}

async function signedBy (address: string, message: Message, signature: string | null): Promise<boolean> {
  const { owner, from } = message.form === 'typed_data' ? message.data.message : {}
  if (signature === null || (owner ?? from) !== address) return false
  return await recoverAddress({ hash: messageDigest(message), signature: signature as Hex }).catch(() => undefined) === address
}
