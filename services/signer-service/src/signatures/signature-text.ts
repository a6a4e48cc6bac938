/** The text that a person reads before confirming a signature: all of what is signed. Deterministic: its SHA-256 is part of the receipt. */
import type { ParsedCall } from '../calls/call.ts'
import { inSeconds, tokenAmount, type Token } from '../transactions/confirmation-text.ts'
import type { Message } from './message.ts'
import type { TypedData, TypedValue } from './typed-data.ts'

export interface ConfirmedSignature {
  readonly id: string
  readonly initiator: string
  readonly walletName: string
  readonly address: string
  readonly message: Message
  readonly digest: string
  readonly calls: readonly ParsedCall[]
  readonly tokens: readonly Token[]
  readonly validUntil: Date
}

/** What the asker wrote stands behind a mark, so that none of its lines looks like one of ours. */
export function signatureText ({ id, initiator, walletName, address, message, digest, calls, tokens, validUntil }: ConfirmedSignature): string {
  return [
    ...message.form === 'text' ? ['Sign a text', ...message.text.split('\n').map((line) => `> ${line}`)] : typedDataLines(message.data, calls, tokens),
    `With: wallet ${walletName} (${address})`,
    `What the wallet signs: ${digest}`,
    `Asked by: ${initiator}`,
    `Signature: ${id}`,
    `Valid until: ${inSeconds(validUntil)}`
  ].join('\n')
}

function typedDataLines ({ domain, primaryType, message }: TypedData, calls: readonly ParsedCall[], tokens: readonly Token[]): string[] {
  const spending = calls.flatMap(({ movement }) => movement === null
    ? []
    : movement.kind === 'transfer'
      ? [`Whoever has it can send ${tokenAmount(movement, tokens)}`, `To: ${movement.destination}`]
      : [`It allows somebody else to take ${tokenAmount(movement, tokens)}`, `Who may take it: ${movement.destination}`])
  return [
    `Sign typed data: ${primaryType}`,
    ...spending.length > 0 ? spending : ['What it is used for is up to the contract'],
    `For contract: ${domain.verifyingContract}`,
    `Chain: ${domain.chainId}`,
    ...[['name', domain.name], ['version', domain.version], ['salt', domain.salt]].flatMap(([name, value]) => value === undefined ? [] : [`> domain ${name}: ${JSON.stringify(value)}`]),
    ...fields(message, '')
  ]
}

const fields = (value: TypedValue, path: string): string[] => typeof value === 'object'
  ? Object.keys(value).length === 0 ? [`> ${path}: nothing`] : Object.entries(value).flatMap(([name, inner]) => fields(inner as TypedValue, path === '' ? name : `${path}.${name}`))
  : [`> ${path}: ${typeof value === 'boolean' ? String(value) : JSON.stringify(value)}`]
