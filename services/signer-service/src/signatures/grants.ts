/**
 * What typed data lets others take of the wallet's tokens, or moves: EIP-2612 and DAI permits, Permit2's allowances and transfers, alone, in
 * batches and with a witness, and EIP-3009. Each form is known by its whole type; what only has the name of one is signed by nobody.
 */
import { Problem, problems } from '@countersign/contracts'
import type { TokenMovement } from '../calls/call.ts'
import { encodeType, type TypedData, type TypedStruct, type TypedValue } from './typed-data.ts'

/** All there ever will be: what a contract never counts down from. */
const unlimited: ReadonlySet<bigint> = new Set([2n ** 256n - 1n, 2n ** 160n - 1n, 2n ** 96n - 1n])
export const isUnlimited = (amount: bigint): boolean => unlimited.has(amount)
const everything = 2n ** 256n - 1n

interface Form {
  /** Of the one whose tokens they are; undefined: whoever signs. */
  readonly owner?: string
  readonly movements: (message: TypedStruct, contract: string) => readonly TokenMovement[]
}

const text = (value: TypedValue | undefined): string => String(value)
const struct = (value: TypedValue | undefined): TypedStruct => value as TypedStruct
const list = (value: TypedValue | undefined): readonly TypedStruct[] => value as readonly TypedStruct[]
const allow = (token: TypedValue | undefined, destination: TypedValue | undefined, amount: TypedValue | undefined): TokenMovement =>
  ({ kind: 'allow', token: text(token), destination: text(destination), amount: BigInt(text(amount)) })

const details = 'PermitDetails(address token,uint160 amount,uint48 expiration,uint48 nonce)'
const permissions = 'TokenPermissions(address token,uint256 amount)'
const authorization = '(address from,address to,uint256 value,uint256 validAfter,uint256 validBefore,bytes32 nonce)'
const authorized: Form = {
  owner: 'from', movements: ({ to, value }, contract) => [{ kind: 'transfer', token: contract, destination: text(to), amount: BigInt(text(value)) }]
}
const transferOne: Form = { movements: ({ permitted, spender }) => [allow(struct(permitted)['token'], spender, struct(permitted)['amount'])] }
const transferSome: Form = { movements: ({ permitted, spender }) => list(permitted).map(({ token, amount }) => allow(token, spender, amount)) }

const tokenPermit = 'Permit(address owner,address spender,uint256 value,uint256 nonce,uint256 deadline)'

const forms: ReadonlyMap<string, Form> = new Map<string, Form>([
  [tokenPermit, { owner: 'owner', movements: ({ spender, value }, contract) => [allow(contract, spender, value)] }],
  ['Permit(address holder,address spender,uint256 nonce,uint256 expiry,bool allowed)', {
    owner: 'holder', movements: ({ spender, allowed }, contract) => [allow(contract, spender, allowed === true ? everything.toString() : '0')]
  }],
  [`PermitSingle(PermitDetails details,address spender,uint256 sigDeadline)${details}`, { movements: ({ details: one, spender }) => [allow(struct(one)['token'], spender, struct(one)['amount'])] }],
  [`PermitBatch(PermitDetails[] details,address spender,uint256 sigDeadline)${details}`, { movements: ({ details: all, spender }) => list(all).map(({ token, amount }) => allow(token, spender, amount)) }],
  [`PermitTransferFrom(TokenPermissions permitted,address spender,uint256 nonce,uint256 deadline)${permissions}`, transferOne],
  [`PermitBatchTransferFrom(TokenPermissions[] permitted,address spender,uint256 nonce,uint256 deadline)${permissions}`, transferSome],
  [`TransferWithAuthorization${authorization}`, authorized],
  [`ReceiveWithAuthorization${authorization}`, authorized],
  // It takes one back, and moves nothing.
  ['CancelAuthorization(address authorizer,bytes32 nonce)', { owner: 'authorizer', movements: () => [] }]
])

/** The witness is whatever the spender's contract wants it to be; it stands last, and is shown. */
const witnessed = [
  { head: 'PermitWitnessTransferFrom(TokenPermissions permitted,address spender,uint256 nonce,uint256 deadline,', form: transferOne },
  { head: 'PermitBatchWitnessTransferFrom(TokenPermissions[] permitted,address spender,uint256 nonce,uint256 deadline,', form: transferSome }
] as const

/** What a name promises, another type could not keep. */
const spendingName = /^permit|authori[sz]ation$/i
/** Whose amounts are told: a rule that names others wants a proof or approvals. */
export const spendingTypes: ReadonlySet<string> = new Set([
  'Permit', 'PermitSingle', 'PermitBatch', 'PermitTransferFrom', 'PermitBatchTransferFrom', 'PermitWitnessTransferFrom', 'PermitBatchWitnessTransferFrom', 'TransferWithAuthorization', 'ReceiveWithAuthorization', 'CancelAuthorization'
])

const fault = (path: string, message: string): Problem => new Problem(problems.schemaViolation, { faults: [{ path: `body/typed_data/${path}`, message }] })

function formOf (data: TypedData): Form | undefined {
  const type = encodeType(data)
  const known = forms.get(type)
  if (known !== undefined) return known
  const witness = witnessed.find(({ head }) => type.startsWith(head))
  const permitted = encodeType({ types: { TokenPermissions: data.types['TokenPermissions'] ?? [] }, primaryType: 'TokenPermissions' })
  return data.types[data.primaryType]?.length === 5 && permitted === permissions ? witness?.form : undefined
}

/** Whether amounts tell all that it does. */
export const isSpending = (data: TypedData): boolean => formOf(data) !== undefined

/**
 * @param wallet EIP-55, that signs.
 * @returns undefined: its effect is told by no amount. Empty: it is known to move nothing.
 * @throws Problem schemaViolation for what has the name of a permit and is none, for another's tokens, and for a batch of nothing
 */
export function grantsOf (data: TypedData, wallet: string): readonly TokenMovement[] | undefined {
  const form = formOf(data)
  if (form === undefined) {
    if (spendingName.test(data.primaryType)) throw fault('primaryType', 'has the name of a permit or an authorization, and is none that can be read: what it spends cannot be told')
    return undefined
  }
  if (form.owner !== undefined && data.message[form.owner] !== wallet) throw fault(`message/${form.owner}`, 'is not the wallet that signs')
  const movements = form.movements(data.message, data.domain.verifyingContract)
  if (movements.length === 0 && data.primaryType !== 'CancelAuthorization') throw fault('message', 'permits nothing')
  return movements
}

/** What a token itself tells the use of. */
export type CountedGrant =
  | { readonly form: 'permit', readonly spender: string, readonly amount: bigint, readonly nonce: bigint, readonly deadline: bigint }
  | { readonly form: 'authorization', readonly to: string, readonly amount: bigint, readonly nonce: string, readonly deadline: bigint }

/** @returns undefined for what is neither a permit of EIP-2612 nor an authorization of EIP-3009. Deadlines are seconds since 1970, of which the last one counts. */
export function countedGrant (data: TypedData): CountedGrant | undefined {
  const form = formOf(data)
  const { spender, to, value, nonce, deadline, validBefore } = data.message
  if (form === authorized) return { form: 'authorization', to: text(to), amount: BigInt(text(value)), nonce: text(nonce), deadline: BigInt(text(validBefore)) - 1n }
  if (form === undefined || form !== forms.get(tokenPermit)) return undefined
  return { form: 'permit', spender: text(spender), amount: BigInt(text(value)), nonce: BigInt(text(nonce)), deadline: BigInt(text(deadline)) }
}
