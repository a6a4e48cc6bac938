/** The main job of the house, step by step, over the public HTTP API, the command line, SMTP and the chain. */
import type { TokenReply, TransactionView } from '@countersign/contracts'
import type { Address, Hex, LocalAccount } from 'viem'
import { until } from '@countersign/testing'
import type { GatewayClient } from './gateway-client.ts'
import { GatewayRefusal } from './gateway-client.ts'
import type { House } from './house.ts'

export interface SignedIn {
  readonly userId: string
  readonly accessToken: string
  readonly refreshToken: string
}

/** Challenge, EIP-191 signature, verify. */
export async function signIn (gateway: GatewayClient, account: LocalAccount): Promise<SignedIn> {
  const challenge = await gateway.call<{ challenge_id: string, message: string }>('POST', '/api/v1/auth/evm/challenge', {
    body: { address: account.address, chain_id: 31337 }
  })
  const signature = await account.signMessage({ message: challenge.message })
  const reply = await gateway.call<TokenReply>('POST', '/api/v1/auth/evm/verify', {
    body: { address: account.address, signed_message: challenge.message, signature, challenge_id: challenge.challenge_id }
  })
  return { userId: reply.user.id, accessToken: reply.access_token, refreshToken: reply.refresh_token ?? '' }
}

/** Adds an address and proves it by the code that really arrived there. */
export async function proveEmail (house: House, gateway: GatewayClient, user: SignedIn, email: string): Promise<void> {
  const begun = await gateway.call<{ challenge_id: string }>('POST', '/api/v1/me/email', { token: user.accessToken, body: { email } })
  const mail = await house.mailTo(email, /\b\d{6}\b/)
  await gateway.call('POST', '/api/v1/me/email/confirm', {
    token: user.accessToken,
    body: { challenge_id: begun.challenge_id, code: codeIn(mail.text) }
  })
}

/** The code stands on a line of its own. */
export function codeIn (text: string): string {
  const code = /^\s*(\d{6})\s*$/m.exec(text)?.[1] ?? /\b(\d{6})\b/.exec(text)?.[1]
  if (code === undefined) throw new Error('the mail carries no six-digit code')
  return code
}

export interface Transfer {
  readonly walletId: string
  readonly to: Address
  readonly value: bigint
  readonly idempotencyKey: string
}

export const requestTransfer = (gateway: GatewayClient, user: SignedIn, { walletId, to, value, idempotencyKey }: Transfer): Promise<TransactionView> =>
  gateway.call<TransactionView>('POST', '/api/v1/transactions', {
    token: user.accessToken,
    headers: { 'idempotency-key': idempotencyKey },
    body: { wallet_id: walletId, chain_id: 31337, to, value: value.toString() }
  })

export const readTransaction = (gateway: GatewayClient, user: SignedIn, id: string): Promise<TransactionView> =>
  gateway.call<TransactionView>('GET', `/api/v1/transactions/${id}`, { token: user.accessToken })

/** States after which nothing moves any more. */
export const isFinal = ({ state }: TransactionView): boolean =>
  ['confirmed', 'rejected', 'cancelled', 'expired', 'failed'].includes(state)

/** Reads until `reached` holds, telling each new state once. 503 is waited out: a service may be restarting. */
export async function follow (gateway: GatewayClient, user: SignedIn, id: string, reached: (tx: TransactionView) => boolean, onState?: (tx: TransactionView) => void): Promise<TransactionView> {
  let seen = ''
  let last: TransactionView | undefined
  await until(async () => {
    try {
      last = await readTransaction(gateway, user, id)
    } catch (error) {
      if (error instanceof GatewayRefusal && error.status === 503) return false
      throw error
    }
    if (last.state !== seen) {
      seen = last.state
      onState?.(last)
    }
    return reached(last) || isFinal(last)
  }, { timeoutMs: 60_000, everyMs: 150, what: `transaction ${id} to move on` })
  return last as TransactionView
}

/** Every transfer of value to that address, read block by block from the chain itself. */
export async function transfersTo (house: House, to: Address): Promise<{ hash: Hex, value: bigint, blockNumber: bigint }[]> {
  const head = await house.chain.getBlockNumber()
  const found: { hash: Hex, value: bigint, blockNumber: bigint }[] = []
  for (let number = 0n; number <= head; number++) {
    for (const tx of await house.transactionsIn(number, head)) {
      if (tx.to?.toLowerCase() === to.toLowerCase()) found.push({ hash: tx.hash, value: tx.value, blockNumber: number })
    }
  }
  return found
}
