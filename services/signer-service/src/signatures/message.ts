/** What is signed, read from the bytes of the request or of the row: its digest, what it spends, and what the policy is asked about it. */
import { Problem, problems, type DryRunSignature, type SignatureRequest, type TypedDataRequest } from '@countersign/contracts'
import { hashMessage } from 'viem'
import type { ParsedCall } from '../calls/call.ts'
import type { Hex } from '../chain/quantity.ts'
import type { JudgedSignature } from '../policies/judged.ts'
import type { AskedAction } from '../transactions/admit-transfer.ts'
import { grantsOf, isSpending } from './grants.ts'
import { faultOfText } from './readable-text.ts'
import { readTypedData, typedDataDigest, type TypedData } from './typed-data.ts'

export type Message = { readonly form: 'text', readonly text: string } | { readonly form: 'typed_data', readonly data: TypedData }

const fault = (path: string, message: string): Problem => new Problem(problems.schemaViolation, { faults: [{ path, message }] })

/** @throws Problem schemaViolation */
export function readMessage ({ text, typed_data: typed }: Pick<SignatureRequest, 'text' | 'typed_data'>): Message {
  if ((text === undefined) === (typed === undefined)) throw fault('body', 'is one of: text; typed_data')
  if (typed !== undefined) return { form: 'typed_data', data: readTypedData(typed) }
  const wrong = faultOfText(text ?? '')
  if (wrong !== undefined) throw fault('body/text', wrong)
  return { form: 'text', text: text ?? '' }
}

/** One text for one message, whatever spelling it came in. */
export const payloadOf = (message: Message): string => JSON.stringify(message.form === 'text' ? { text: message.text } : { typed_data: message.data })
/** Judged anew, like any request: what lies in the database is believed no more. @throws Problem schemaViolation */
export const messageOfPayload = (payload: string): Message => readMessage(JSON.parse(payload) as { text?: string, typed_data?: TypedDataRequest })

/** EIP-191 version 0x45, or EIP-712. */
export const messageDigest = (message: Message): Hex => message.form === 'text' ? hashMessage(message.text) : typedDataDigest(message.data)

/** 0: a text names no chain. */
export const chainOf = (message: Message): number => message.form === 'text' ? 0 : message.data.domain.chainId

export const judgedMessage = (message: Message): JudgedSignature => message.form === 'text'
  ? { text: message.text, contract: null, primaryType: null, readable: false }
  : { text: null, contract: message.data.domain.verifyingContract, primaryType: message.data.primaryType, readable: isSpending(message.data) }

/**
 * One for each thing that it spends, or the one thing that it is: a text is about the wallet itself, other typed data about its contract.
 * @param wallet EIP-55. @throws Problem schemaViolation for a permit of another's tokens
 */
export function callsOfMessage (message: Message, wallet: string): readonly ParsedCall[] {
  const about = (to: string, movement: ParsedCall['movement']): ParsedCall => ({ to, value: 0n, data: '0x', selector: null, movement })
  if (message.form === 'text') return [about(wallet, null)]
  const contract = message.data.domain.verifyingContract
  const movements = grantsOf(message.data, wallet) ?? []
  return movements.length === 0 ? [about(contract, null)] : movements.map((movement) => about(contract, movement))
}

/** What a dry run asks about. @throws Problem schemaViolation */
export function askedInVain ({ initiator, wallet_id: walletId, ...message }: DryRunSignature): AskedAction {
  const read = readMessage(message)
  return askedAbout(read, { initiator, walletId, chainId: chainOf(read) })
}

/** What the policy is asked about it. */
export const askedAbout = (message: Message, asked: Pick<AskedAction, 'initiator' | 'walletId' | 'chainId'>): AskedAction =>
  ({ ...asked, signature: judgedMessage(message), callsFrom: ({ address }) => callsOfMessage(message, address) })
