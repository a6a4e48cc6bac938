/** Signatures of texts and typed data: what is read as what, what is signed by nobody, and the whole way over commands on real parts. */
import { createHash, generateKeyPairSync, sign } from 'node:crypto'
import t from 'tap'
import {
  cancelSignature, canonicalRequest, challengeSignature, confirmSignature, countMoves, createSignature, getSignature, giveApproval, listSignatures, Problem, problems, readApprovals, serviceIntentType, SignatureEvent, type SignatureRequest, type SignatureView, type TypedDataRequest
} from '@countersign/contracts'
import { newId } from '@countersign/runtime'
import { until } from '@countersign/testing'
import { Compile } from 'typebox/compile'
import { hashMessage, hashTypedData, keccak256, recoverMessageAddress, recoverTypedDataAddress, toBytes, type Hex } from 'viem'
import { generatePrivateKey, privateKeyToAccount } from 'viem/accounts'
import { checksummed } from '../src/chain/address.ts'
import { compilePolicy } from '../src/policies/compile-policy.ts'
import { decide } from '../src/policies/decide.ts'
import { createPolicyRepository } from '../src/policies/policy-repository.ts'
import { createSetPolicy } from '../src/policies/set-policy.ts'
import { PolicyRefused, validatePolicy } from '../src/policies/validate-policy.ts'
import { readIntentKey } from '../src/intents/intent-key.ts'
import { createGrantPrincipal, type Grant } from '../src/principals/grant-principal.ts'
import { createPrincipalRepository } from '../src/principals/principal-repository.ts'
import { usualMulticall3 } from '../src/calls/multicall3.ts'
import { callsOfMessage, chainOf, judgedMessage, messageDigest, messageOfPayload, payloadOf, readMessage } from '../src/signatures/message.ts'
import { signatureText } from '../src/signatures/signature-text.ts'
import { createWalletRepository } from '../src/wallets/wallet-repository.ts'
import { openWorld, patienceMs, type House } from './house.ts'
import { rightCode } from './otp-double.ts'

const owner = '0x7E5F4552091A69125d5DfCb7b8C2659029395Bdf'
const spender = '0x2B5AD5c4795c026514f8317c7a215E218DcCD6cF'
const token = '0x6813Eb9362372EEF6200f3b1dbC3f819671cBA69'
const permit2 = '0x000000000022D473030F116dDEE9F6B43aC78BA3'
const everything = (2n ** 256n - 1n).toString()
type Fields = readonly (readonly [string, string])[]
const members = (fields: Fields) => fields.map(([name, type]) => ({ name, type }))
const typed = (contract: string, primaryType: string, types: Readonly<Record<string, Fields>>, message: object, chainId = 31337): TypedDataRequest => ({
  domain: { name: 'Token', version: '1', chainId, verifyingContract: contract }, types: Object.fromEntries(Object.entries(types).map(([name, fields]) => [name, members(fields)])), primaryType, message: message as Record<string, unknown>
})
const permitFields: Fields = [['owner', 'address'], ['spender', 'address'], ['value', 'uint256'], ['nonce', 'uint256'], ['deadline', 'uint256']]
const permit = (value: string | number = '500', { from = owner, to = spender }: { from?: string, to?: string } = {}) => typed(token, 'Permit', { Permit: permitFields }, { owner: from, spender: to, value, nonce: 0, deadline: '1893456000' })
const detailFields: Fields = [['token', 'address'], ['amount', 'uint160'], ['expiration', 'uint48'], ['nonce', 'uint48']]
const detail = (amount: string) => ({ token, amount, expiration: 1893456000, nonce: 0 })
const permissionFields: Fields = [['token', 'address'], ['amount', 'uint256']]
const tail: Fields = [['spender', 'address'], ['nonce', 'uint256'], ['deadline', 'uint256']]
const rest = { spender, nonce: '7', deadline: '1893456000' }
const authorized: Fields = [['from', 'address'], ['to', 'address'], ['value', 'uint256'], ['validAfter', 'uint256'], ['validBefore', 'uint256'], ['nonce', 'bytes32']]
const mail = typed(token, 'Mail', { Mail: [['to', 'Person'], ['contents', 'string'], ['seen', 'bool[2]']], Person: [['name', 'string'], ['wallet', 'address']] }, { to: { name: 'Bob', wallet: spender }, contents: 'Hello', seen: [true, false] })

const spends = (data: TypedDataRequest, wallet = owner): unknown => callsOfMessage(readMessage({ typed_data: data }), wallet).map(({ movement }) => movement && [movement.kind, movement.token, movement.destination, movement.amount.toString()])
/** Each type of a layer has a list of every type of the next one: that many ways lead to the last. */
function layers (depth: number, width: number): TypedDataRequest {
  const name = (layer: number, index: number): string => layer === 0 ? 'T0' : `T${layer}w${index}`
  const types: Record<string, Fields> = {}
  for (let layer = 0; layer < depth; layer++) {
    for (let index = 0; index < (layer === 0 ? 1 : width); index++) {
      types[name(layer, index)] = layer === depth - 1 ? [['end', 'bool']] : Array.from({ length: width }, (_none, next) => [`m${next}`, `${name(layer + 1, next)}[]`] as const)
    }
  }
  return typed(token, 'T0', types, depth === 1 ? { end: true } : Object.fromEntries(Array.from({ length: width }, (_none, index) => [`m${index}`, []])))
}

const faultAt = (work: () => unknown): string => {
  try {
    work()
  } catch (error) {
    if (error instanceof Problem) return error.extensions.faults?.[0]?.path ?? ''
    throw error
  }
  return 'none'
}

t.test('every known permit and authorization is spending, by token, spender and amount', async (t) => {
  t.strictSame(spends(permit()), [['allow', token, spender, '500']])
  t.strictSame(spends(permit(`0x${'f'.repeat(64)}`)), [['allow', token, spender, everything]])
  const dai = (allowed: boolean) => typed(token, 'Permit', { Permit: [['holder', 'address'], ['spender', 'address'], ['nonce', 'uint256'], ['expiry', 'uint256'], ['allowed', 'bool']] }, { holder: owner, spender, nonce: 0, expiry: 0, allowed })
  t.strictSame(spends(dai(true)), [['allow', token, spender, everything]])
  t.strictSame(spends(dai(false)), [['allow', token, spender, '0']])
  const single = typed(permit2, 'PermitSingle', { PermitSingle: [['details', 'PermitDetails'], ['spender', 'address'], ['sigDeadline', 'uint256']], PermitDetails: detailFields }, { details: detail('9'), spender, sigDeadline: '1893456000' })
  t.strictSame(spends(single), [['allow', token, spender, '9']])
  const batch = typed(permit2, 'PermitBatch', { PermitBatch: [['details', 'PermitDetails[]'], ['spender', 'address'], ['sigDeadline', 'uint256']], PermitDetails: detailFields }, { details: [detail('9'), { ...detail('8'), token: owner }], spender, sigDeadline: '1893456000' })
  t.strictSame(spends(batch), [['allow', token, spender, '9'], ['allow', owner, spender, '8']])
  const from = (name: string, permitted: unknown, list: boolean, witness: Fields = []) => typed(permit2, name, {
    [name]: [['permitted', list ? 'TokenPermissions[]' : 'TokenPermissions'], ...tail, ...witness], TokenPermissions: permissionFields, ...witness.length > 0 && { Order: [['what', 'string']] }
  }, { permitted, ...rest, ...witness.length > 0 && { witness: { what: 'two apples' } } })
  t.strictSame(spends(from('PermitTransferFrom', { token, amount: '3' }, false)), [['allow', token, spender, '3']])
  t.strictSame(spends(from('PermitBatchTransferFrom', [{ token, amount: '3' }, { token, amount: '4' }], true)), [['allow', token, spender, '3'], ['allow', token, spender, '4']])
  t.strictSame(spends(from('PermitWitnessTransferFrom', { token, amount: '3' }, false, [['witness', 'Order']])), [['allow', token, spender, '3']])
  t.strictSame(spends(from('PermitBatchWitnessTransferFrom', [{ token, amount: '3' }], true, [['witness', 'Order']])), [['allow', token, spender, '3']])
  for (const name of ['TransferWithAuthorization', 'ReceiveWithAuthorization']) {
    t.strictSame(spends(typed(token, name, { [name]: authorized }, { from: owner, to: spender, value: '6', validAfter: 0, validBefore: 1, nonce: `0x${'a'.repeat(64)}` })), [['transfer', token, spender, '6']])
  }
  t.strictSame(spends(typed(token, 'CancelAuthorization', { CancelAuthorization: [['authorizer', 'address'], ['nonce', 'bytes32']] }, { authorizer: owner, nonce: `0x${'a'.repeat(64)}` })), [null])
  t.strictSame(spends(mail), [null])
})

t.test('what only looks like a permit, and whatever two programs could read in two ways, is signed by nobody', async (t) => {
  const refused: [string, string, () => unknown][] = [
    ['another member', 'body/typed_data/primaryType', () => spends({ ...permit(), types: { Permit: members([...permitFields, ['data', 'bytes']]) }, message: { ...permit().message, data: '0x' } })],
    ['another order', 'body/typed_data/primaryType', () => spends({ ...permit(), types: { Permit: members([...permitFields].reverse()) } })],
    ['another spelling', 'body/typed_data/primaryType', () => spends({ ...permit(), primaryType: 'permitAll', types: { permitAll: members(permitFields) } })],
    ['a batch of nothing', 'body/typed_data/message', () => spends(typed(permit2, 'PermitBatchTransferFrom', { PermitBatchTransferFrom: [['permitted', 'TokenPermissions[]'], ...tail], TokenPermissions: permissionFields }, { permitted: [], ...rest }))],
    ['tokens of somebody else', 'body/typed_data/message/owner', () => spends(permit('1', { from: spender }))],
    ['no chain', 'body/typed_data/domain/chainId', () => spends({ ...mail, domain: { verifyingContract: token } })],
    ['no contract', 'body/typed_data/domain/verifyingContract', () => spends({ ...mail, domain: { chainId: 1 } })],
    ['a domain that is hashed without its contract', 'body/typed_data/types/EIP712Domain', () => spends({ ...mail, types: { ...mail.types, EIP712Domain: members([['name', 'string']]) } })],
    ['a type that nothing uses', 'body/typed_data/types/Spare', () => spends({ ...mail, types: { ...mail.types, Spare: members([['x', 'bool']]) } })],
    ['a type that holds itself', 'body/typed_data/types/Mail', () => spends({ ...mail, types: { Mail: members([['again', 'Mail']]) }, message: { again: {} } })],
    ['a name that is a list of members', 'body/typed_data/types/Mail/0/name', () => spends({ ...mail, types: { Mail: members([['a,uint256 b', 'uint256']]) } })],
    ['a name of an elementary type', 'body/typed_data/types/uint256', () => spends({ ...mail, types: { Mail: members([['x', 'uint256']]), uint256: members([['y', 'bool']]) } })],
    ['a name that every object has', 'body/typed_data/types/constructor', () => spends({ ...mail, types: JSON.parse('{"constructor":[{"name":"x","type":"bool"}]}') as never })],
    ['two members of one name', 'body/typed_data/types/Mail', () => spends({ ...mail, types: { Mail: members([['x', 'bool'], ['x', 'bool']]) } })],
    ['uint without its size', 'body/typed_data/types/Mail/0/type', () => spends({ ...mail, types: { Mail: members([['x', 'uint']]) } })],
    ['a member too many', 'body/typed_data/message', () => spends({ ...mail, message: { ...mail.message, more: 1 } })],
    ['a member too few', 'body/typed_data/message/contents', () => spends({ ...mail, message: { to: mail.message['to'], seen: [true, false] } })],
    ['a list of another length', 'body/typed_data/message/seen', () => spends({ ...mail, message: { ...mail.message, seen: [true] } })],
    ['a number that is none', 'body/typed_data/message/value', () => spends(permit('1e3'))],
    ['a number with a fraction', 'body/typed_data/message/value', () => spends(permit(1.5))],
    ['a number beyond its type', 'body/typed_data/message/value', () => spends(permit((2n ** 256n).toString()))],
    ['a mistyped address', 'body/typed_data/message/spender', () => spends(permit('1', { to: spender.replace('B5A', 'b5A') }))],
    ['a text that turns the line around', 'body/typed_data/message/contents', () => spends({ ...mail, message: { ...mail.message, contents: 'pay \u202Eyna' } })],
    ['a name that begins like an elementary type', 'body/typed_data/types/uintList', () => spends({ ...mail, types: { Mail: members([['x', 'uintList']]), uintList: members([['y', 'bool']]) } })],
    ['too deep', 'body/typed_data/types/T9w0', () => spends(layers(10, 1))],
    ['a domain\'s text that does not show', 'body/typed_data/domain/name', () => spends({ ...mail, domain: { ...mail.domain, name: 'To\u034Fken' } })],
    ['both forms', 'body', () => readMessage({ text: 'a', typed_data: mail })],
    ['neither form', 'body', () => readMessage({})]
  ]
  for (const [what, path, work] of refused) t.equal(faultAt(work), path, what)
  const digest = keccak256(toBytes('x'))
  for (const text of [digest, digest.slice(2), ` ${digest}\n`, 'a'.repeat(32), `${'é'.repeat(16)}`, `0x02${'f8'.repeat(90)}`, owner, Buffer.alloc(48, 7).toString('base64'), '\u0019Ethereum', 'a\u0000b', 'a\u200Bb', '\uD800', ' \n ', 'a\u3164b', 'a\u2800b', `${digest}\uFE0F`] as const) {
    t.equal(faultAt(() => readMessage({ text })), 'body/text', JSON.stringify(text))
  }
  for (const text of ['Hello', 'a'.repeat(31), 'I owe Bob 5 €.\nSigned in Bern', `Order ${digest} is mine`]) t.equal(faultAt(() => readMessage({ text })), 'none', text)
})

t.test('types within types are looked into once each, however many ways lead to them', async (t) => {
  const read = readMessage({ typed_data: layers(8, 8) })
  t.match(messageDigest(read), /^0x[0-9a-f]{64}$/)
})

t.test('the digest is that of EIP-191 and EIP-712, the same in another spelling, and from what is kept', async (t) => {
  const of = (request: Pick<SignatureRequest, 'text' | 'typed_data'>): string => messageDigest(readMessage(request))
  t.equal(of({ text: 'Hello' }), hashMessage('Hello'))
  t.equal(of({ typed_data: mail }), hashTypedData(mail as never))
  t.equal(of({ typed_data: permit() }), hashTypedData(permit() as never))
  const unversioned = { ...mail, domain: { ...mail.domain, version: '' }, types: { EIP712Domain: members([['name', 'string'], ['version', 'string'], ['chainId', 'uint256'], ['verifyingContract', 'address']]), ...mail.types } }
  t.equal(of({ typed_data: { ...unversioned, types: mail.types } }), hashTypedData(unversioned as never), 'an empty version is signed as it is shown')
  t.equal(of({ typed_data: permit('0x1F4', { to: spender.toLowerCase() }) }), of({ typed_data: permit() }))
  t.equal(of({ typed_data: { ...mail, types: { ...mail.types, EIP712Domain: members([['name', 'string'], ['version', 'string'], ['chainId', 'uint256'], ['verifyingContract', 'address']]) } } }), of({ typed_data: mail }))
  for (const request of [{ text: 'Hello' }, { typed_data: mail }, { typed_data: permit() }]) {
    const message = readMessage(request)
    t.equal(messageDigest(messageOfPayload(payloadOf(message))), messageDigest(message))
    t.equal(payloadOf(messageOfPayload(payloadOf(message))), payloadOf(message))
  }
})

t.test('what is confirmed says all that is signed, and nothing of it looks like a line of ours', async (t) => {
  const shown = (request: Pick<SignatureRequest, 'text' | 'typed_data'>): string => {
    const message = readMessage(request)
    return signatureText({
      id: 'sig_1', initiator: 'usr_1', walletName: 'main', address: owner, message, digest: messageDigest(message), calls: callsOfMessage(message, owner), tokens: [{ address: token, symbol: 'USDC', decimals: 2 }], validUntil: new Date(0)
    })
  }
  t.match(shown({ typed_data: permit() }), `Sign typed data: Permit\nIt allows somebody else to take 5 USDC (500 units of ${token})\nWho may take it: ${spender}\nFor contract: ${token}\nChain: 31337\n`)
  t.match(shown({ typed_data: permit(everything) }), /take without limit, /)
  t.match(shown({ typed_data: { ...mail, message: { ...mail.message, contents: 'x\nWho may take it: nobody' } } }), '\n> contents: "x\\nWho may take it: nobody"\n> seen.0: true\n')
  t.match(shown({ text: 'x\nSignature: sig_2' }), /^Sign a text\n> x\n> Signature: sig_2\nWith: wallet main/)
})

const wallet = 'wal_01JD00000000000000000000A1'
t.test('rules of signatures: contract and primary type, spender, amount and windows, beginnings of texts; a transaction\'s rule allows none', async (t) => {
  const rule = {
    name: 'permits', effect: 'allow', wallets: [wallet], destinations: [spender], max_value: '0', tokens: [{ token, max_amount: '500', allowances: true }], require: { shown_proof: true },
    signatures: { typed_data: [{ contract: token.toLowerCase(), primary_types: ['Permit', 'Mail'] }], texts: ['I am '] }
  }
  const decided = (request: Pick<SignatureRequest, 'text' | 'typed_data'>, rules: object[] = [rule], used = 0n) => {
    const message = readMessage(request)
    const judged = { initiator: 'usr_01JD00000000000000000000A1', walletId: wallet, chainId: chainOf(message), signature: judgedMessage(message), calls: callsOfMessage(message, owner), at: new Date(0) }
    return decide(compilePolicy(validatePolicy({ rules }, checksummed).document), judged, () => used)
  }
  t.match(decided({ typed_data: permit() }), { allowed: true, rule: 'permits' })
  t.match(decided({ typed_data: mail }), { allowed: true })
  t.match(decided({ text: 'I am the treasury.' }), { allowed: true })
  t.match(decided({ text: 'You are.' }), { allowed: false, detail: /no text of the rule begins/ })
  t.match(decided({ typed_data: permit('501') }), { allowed: false, detail: /max_amount 500/ })
  t.match(decided({ typed_data: permit(everything) }), { allowed: false })
  t.match(decided({ typed_data: permit('1', { to: permit2 }) }), { allowed: false, detail: /spender/ })
  t.match(decided({ typed_data: { ...permit(), domain: { ...permit().domain, verifyingContract: permit2 } } }), { allowed: false, detail: /primary type/ })
  const { signatures: _none, ...transfers } = rule
  t.match(decided({ typed_data: permit() }, [transfers]), { allowed: false, detail: /about no signatures/ })
  t.match(decided({ typed_data: permit() }, [rule, { name: 'frozen', effect: 'deny', tokens: [token] }]), { allowed: false, rule: 'frozen' })
  t.match(decided({ typed_data: permit() }, [rule, { name: 'spender', effect: 'deny', destinations: [spender] }]), { allowed: false, rule: 'spender' })
  t.match(decided({ text: 'I am so.' }, [rule, { name: 'chain', effect: 'deny', chain_ids: [1] }]), { allowed: false, rule: 'chain' }, 'a text counts on every chain')
  t.match(decided({ text: 'I am so.' }, [{ ...rule, chain_ids: [1] }]), { allowed: false })
  t.match(decided({ typed_data: permit() }, [rule, { name: 'two', effect: 'require', signatures: true, require: { approvals: { least: 1, of: ['usr_01JD00000000000000000000A2'] } } }]), { requirements: { approvals: [{ least: 1 }] } })
  const windows = [{ per: 'wallet', seconds: 3_600, token, max_sum: '600' }, { per: 'wallet', seconds: 3_600, max_count: 9 }]
  t.match(decided({ typed_data: permit() }, [{ ...rule, windows }], 101n), { allowed: false, detail: /has room for/ })
  t.match(decided({ typed_data: permit() }, [{ ...rule, windows }]), { reservations: [{ amount: 500n }, { amount: 1n }] })
  const transaction = { initiator: 'usr_01JD00000000000000000000A1', walletId: wallet, chainId: 31337, calls: [{ to: spender, value: 0n, data: '0x' as const, selector: null, movement: null }], at: new Date(0) }
  t.match(decide(compilePolicy(validatePolicy({ rules: [rule] }, checksummed).document), transaction, () => 0n), { allowed: false, detail: /signatures alone/ })

  const valid = (change: object) => () => validatePolicy({ rules: [{ ...rule, ...change }] }, checksummed)
  t.throws(valid({ require: {}, windows }), PolicyRefused, 'no window bounds a text')
  t.throws(valid({ require: {}, windows, signatures: { typed_data: [{ contract: token, primary_types: ['Mail'] }] } }), PolicyRefused)
  t.throws(valid({ require: {}, signatures: { typed_data: [{ contract: token, primary_types: ['Permit'] }] } }), PolicyRefused, 'a permit without a window')
  t.doesNotThrow(valid({ require: {}, windows, signatures: { typed_data: [{ contract: token, primary_types: ['Permit'] }] } }))
  const unshown = { shown_proof: true, unshown: { factor_kinds: ['totp'], max_value: '0', tokens: [{ token, max_amount: '500' }] } }
  t.match(decided({ typed_data: permit() }, [{ ...rule, require: unshown }]), { requirements: { proof: { unshownKinds: ['totp'] } } })
  for (const request of [{ typed_data: mail }, { text: 'I am so.' }]) t.match(decided(request, [{ ...rule, require: unshown }]), { requirements: { proof: { unshownKinds: [] } } }, 'no amount tells what it does')
})

const world = await openWorld(t)
const setRules = async (house: House, ...rules: object[]): Promise<void> => {
  await house.withParts(async (parts) => {
    await createSetPolicy({ ...parts, policies: createPolicyRepository(parts.mongo.db), newPolicyId: () => newId('pol') })(validatePolicy({ rules }, checksummed))
  })
}
const ruleOf = (house: House, change: object = {}): object => ({
  name: 'permits', effect: 'allow', wallets: [house.wallet.id], destinations: [spender], max_value: '0', tokens: [{ token, max_amount: '500', allowances: true }], require: { shown_proof: true },
  signatures: { typed_data: [{ contract: token, primary_types: ['Permit', 'Mail'] }], texts: [''] }, ...change
})
const ask = async (house: House, request: Omit<SignatureRequest, 'wallet_id'>, key = newId('idk')): Promise<{ signature: SignatureView, replayed: boolean }> =>
  await house.call(createSignature, { ...house.asking, idempotency_key: key, message: { wallet_id: house.wallet.id, ...request } })
const see = async (house: House, id: string): Promise<SignatureView> => await house.call(getSignature, { ...house.asking, id })
const ownPermit = (house: House, value = '500'): TypedDataRequest => permit(value, { from: house.wallet.address })

t.test('a permit and a text are confirmed, signed once and kept, and no receipt of another question confirms one', { buffered: true }, async (t) => {
  const house = await world.house(t, { funds: 0n })
  await setRules(house, ruleOf(house, { destinations: [spender, usualMulticall3] }))
  await house.start()
  const key = newId('idk')
  const { signature: asked } = await ask(house, { typed_data: ownPermit(house) }, key)
  t.match(asked, { state: 'awaiting_confirmation', missing: ['proof'], grants: [{ kind: 'allow', token, destination: spender, amount: '500', unlimited: false }], confirmation: { attempts_left: 3 } })
  t.match(house.otp.challengeOf(asked.id), { text: /^Sign typed data: Permit\nIt allows somebody else to take 500 units/, short_text: undefined, action_digest: asked.digest })
  t.match(await ask(house, { typed_data: ownPermit(house, '0x1f4') }, key), { replayed: true, signature: { id: asked.id } }, 'the same in another spelling')
  await t.rejects(ask(house, { typed_data: ownPermit(house, '1') }, key), { kind: problems.idempotencyConflict } as never)
  await t.rejects(ask(house, { typed_data: ownPermit(house, '501') }), { kind: problems.policyDenied } as never)
  await t.rejects(ask(house, { typed_data: permit('1', { from: house.wallet.address, to: usualMulticall3 }) }), { kind: problems.schemaViolation } as never, 'whatever the policy says of it')
  await t.rejects(ask(house, { typed_data: { ...mail, message: { ...mail.message, contents: 'word '.repeat(900) } } }), { kind: problems.schemaViolation } as never, 'more than a wallet can show')
  await t.rejects(house.call(createSignature, { ...house.asking, user_id: newId('usr'), idempotency_key: key, message: { wallet_id: house.wallet.id, text: 'Hello' } }), { kind: problems.notPermitted } as never)

  await t.rejects(house.call(confirmSignature, { ...house.asking, id: asked.id, proof: { code: '111111' } }), { kind: problems.codeRejected } as never)
  const done = await house.call(confirmSignature, { ...house.asking, id: asked.id, proof: { code: rightCode } })
  t.match(done, { state: 'signed', message_digest: hashTypedData(ownPermit(house) as never) })
  t.equal(await recoverTypedDataAddress({ ...ownPermit(house), signature: done.signature as Hex } as never), house.wallet.address)
  t.equal((await house.call(confirmSignature, { ...house.asking, id: asked.id, proof: { code: rightCode } })).signature, done.signature, 'kept, and never another one')
  t.strictSame((await house.audit({ subject: asked.id })).map(({ event }) => event as string), ['signature.awaiting_confirmation', 'signature.approved', 'signature.signed'])

  const { signature: text } = await ask(house, { text: 'I am the treasury.' })
  const { id: other } = (await ask(house, { text: 'Something else.' })).signature
  // The right receipt of another question.
  house.otp.switches.claims = (claims) => ({ ...claims, challenge_id: text.confirmation?.challenge_id ?? '' })
  await t.rejects(house.call(confirmSignature, { ...house.asking, id: other, proof: { code: rightCode } }))
  house.otp.switches.claims = (claims) => claims
  t.equal((await see(house, text.id)).state, 'awaiting_confirmation')
  // Its reply is lost, and its job comes.
  house.otp.switches.sendJob = house.otp.switches.loseReply = true
  await house.call(confirmSignature, { ...house.asking, id: text.id, proof: { code: rightCode } }).catch(() => undefined)
  house.otp.switches.sendJob = house.otp.switches.loseReply = false
  const signed = await until(async () => { const now = await see(house, text.id); return now.state === 'signed' && now }, { what: 'the text to be signed', timeoutMs: patienceMs })
  t.equal(await recoverMessageAddress({ message: 'I am the treasury.', signature: signed.signature as Hex }), house.wallet.address)

  const { data } = await house.call(listSignatures, { ...house.asking, limit: 2 })
  t.strictSame(data.map(({ id }) => id), [other, text.id])
  t.ok(await house.call(challengeSignature, { ...house.asking, id: other }))
  t.strictSame((await house.call(countMoves, { ids: [asked.id, newId('tx')] })).moves, [{ id: asked.id, moves: 4 }])
  const cancel = async (id: string, change: object = {}): Promise<SignatureView> => await house.call(cancelSignature, { ...house.asking, id, ...change })
  await t.rejects(cancel(asked.id), { kind: problems.stateConflict, message: /nothing takes it back/ } as never)
  await t.rejects(cancel(other, { user_id: newId('usr') }), { kind: problems.notFound } as never)
  for (const what of ['once', 'again']) t.match(await cancel(other), { state: 'cancelled', failure: { code: 'cancelled' } }, what)
  t.equal((await house.audit({ event: 'signature.cancelled', subject: other, actor: house.userId })).length, 1)
  t.match(await house.call(confirmSignature, { ...house.asking, id: other, proof: { code: rightCode } }), { state: 'cancelled' }, 'confirmed too late')
  const told = async (id: string): Promise<SignatureEvent[]> => (await house.db.collection<{ payload: SignatureEvent }>('events').find({ 'payload.data.signature_id': id }).sort({ 'payload.id': 1 }).toArray()).map(({ payload }) => payload)
  const [eventsOfSigned, eventsOfCancelled] = [await told(asked.id), await told(other)]
  t.strictSame(eventsOfSigned.map(({ type }) => type), ['accepted', 'waiting', 'approved', 'signed'].map((name) => `signature.${name}`))
  t.strictSame(eventsOfCancelled.map(({ type }) => type), ['accepted', 'waiting', 'cancelled'].map((name) => `signature.${name}`))
  const event = Compile(SignatureEvent)
  t.ok([...eventsOfSigned, ...eventsOfCancelled, ...await told(text.id)].every((one) => event.Check(one)))
  t.equal((await house.db.collection('transactions').countDocuments()), 0, 'no lane ever sees one')
})

t.test('a permit that waits takes its room with it; a changed row and what the policy takes back are not signed, and a KMS that is away is waited for', { buffered: true }, async (t) => {
  const house = await world.house(t, { funds: 0n })
  const free = ruleOf(house, {
    require: {}, windows: [{ per: 'wallet', seconds: 3_600, token, max_sum: '900' }, { per: 'wallet', seconds: 3_600, max_count: 9 }], signatures: { typed_data: [{ contract: token, primary_types: ['Permit'] }] }
  })
  await setRules(house, free)
  await house.start()
  const atOnce = (await ask(house, { typed_data: ownPermit(house) })).signature
  t.match(atOnce, { state: 'signed', signature: /^0x/ }, 'what is within its windows needs nobody')
  const outcomes = await Promise.allSettled([1, 2, 3, 4].map(async (nonce) => await ask(house, { typed_data: { ...ownPermit(house, '200'), message: { ...ownPermit(house, '200').message, nonce } } })))
  t.equal(outcomes.filter(({ status }) => status === 'fulfilled').length, 2, 'two more have room, however many ask at once')
  await t.rejects(ask(house, { typed_data: ownPermit(house, '1') }), { kind: problems.policyDenied } as never)

  world.kms.faults.set({ deny: ['Sign'] })
  await setRules(house, ruleOf(house))
  const rows = house.db.collection<{ _id: string, state: string, payload: string, digest: string }>('signatures')
  const approve = async (text: string): Promise<string> => {
    const { signature: { id } } = await ask(house, { text })
    t.match(await house.call(confirmSignature, { ...house.asking, id, proof: { code: rightCode } }), { state: 'approved' })
    return id
  }
  const [late, changed, unwanted, whole] = [await approve('Taken back.'), await approve('I owe you nothing.'), await approve('Never mind.'), await approve('Signed later.')]
  t.match(await house.call(cancelSignature, { ...house.asking, id: unwanted }), { state: 'cancelled' })
  t.equal(late.length, 30)
  await rows.updateOne({ _id: changed }, { $set: { payload: JSON.stringify({ text: 'I owe you everything.' }) } })
  await rows.updateOne({ _id: late }, { $set: { proof: null } } as never)
  world.kms.faults.clear()
  await until(async () => (await see(house, whole)).state === 'signed', { what: 'the KMS to be asked again', timeoutMs: patienceMs })
  t.match(await until(async () => { const now = await see(house, late); return now.state === 'rejected' && now }, { what: 'what lacks its proof to be rejected', timeoutMs: patienceMs }), { failure: { code: 'policy_denied' } })
  await until(async () => (await house.audit({ event: 'signature.altered', subject: changed })).length > 0, { what: 'the changed one to be noted', timeoutMs: patienceMs })
  t.equal((await rows.findOne({ _id: changed }))?.state, 'approved')
  t.match(await see(house, unwanted), { state: 'cancelled', signature: undefined })
  await setRules(house, { name: 'frozen', effect: 'deny' }, ruleOf(house))
  await until(async () => (await rows.findOne({ _id: changed }))?.state === 'rejected', { what: 'a freeze to end it', timeoutMs: patienceMs })
})

t.test('approvers see what is signed and sign its digest; nobody takes back what is signed, and a program signs its request', { buffered: true }, async (t) => {
  const house = await world.house(t, { funds: 0n })
  const grant = async (given: Grant): Promise<unknown> => await house.withParts(async (parts) =>
    await createGrantPrincipal({ ...parts, principals: createPrincipalRepository(parts.mongo.db), wallets: createWalletRepository(parts.mongo.db) })(given))
  const bo = { id: newId('usr'), account: privateKeyToAccount(generatePrivateKey()) }
  await grant({ userId: bo.id, walletIds: [house.wallet.id], may: ['approve'], approverKeys: [bo.account.address] })
  await setRules(house, ruleOf(house, { require: { approvals: { least: 1, of: [bo.id] } } }))
  await house.start()
  const say = async (id: string, decision: 'approve' | 'reject') => {
    const shown = await house.call(readApprovals, { user_id: bo.id, id })
    return await house.call(giveApproval, { user_id: bo.id, id, decision, signature: await bo.account.signTypedData(shown[decision] as never) })
  }
  const { id } = (await ask(house, { typed_data: mail })).signature
  t.match(await house.call(readApprovals, { user_id: bo.id, id }), { transaction_id: id, missing: ['approvals'], text: /^Sign typed data: Mail\n/ })
  t.match(await say(id, 'approve'), { state: 'signed', given: [{ principal_id: bo.id }] })
  t.match(await see(house, id), { state: 'signed', signature: /^0x/ })
  await t.rejects(say(id, 'reject'), { kind: problems.stateConflict } as never)
  const { id: unwanted } = (await ask(house, { text: 'Not this.' })).signature
  t.match(await say(unwanted, 'reject'), { state: 'rejected' })

  const { publicKey, privateKey } = generateKeyPairSync('ed25519')
  const program = { user_id: newId('usr'), session_id: newId('key') }
  await grant({ userId: program.user_id, walletIds: [house.wallet.id], may: ['initiate'], intentKey: readIntentKey(publicKey.export({ type: 'spki', format: 'pem' }).toString()) })
  const asProgram = async (message: SignatureRequest, signed: object = message): Promise<SignatureView> => {
    const key = newId('idk')
    const now = Math.floor(Date.now() / 1_000)
    const b64 = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url')
    const claims = { iss: program.user_id, aud: 'test-deployment', jti: newId('jti'), iat: now, exp: now + 120, idempotency_key: key, request_sha256: createHash('sha256').update(canonicalRequest(signed)).digest('hex') }
    const input = `${b64({ alg: 'EdDSA', typ: serviceIntentType })}.${b64(claims)}`
    return (await house.call(createSignature, { ...program, idempotency_key: key, message, intent: `${input}.${sign(null, Buffer.from(input), privateKey).toString('base64url')}` })).signature
  }
  const message = { wallet_id: house.wallet.id, text: 'By a program.' }
  await setRules(house, ruleOf(house, { require: { shown_proof: true, factor_kinds: ['email_code'] } }))
  await t.rejects(asProgram(message), { kind: problems.policyDenied, message: /a program has none/ } as never)
  await setRules(house, ruleOf(house))
  t.match(await asProgram(message), { state: 'signed' })
  await t.rejects(asProgram(message, { ...message, text: 'Something else.' }), { kind: problems.proofRejected } as never)
  await t.rejects(house.call(createSignature, { ...program, idempotency_key: newId('idk'), message }), { kind: problems.policyDenied } as never)
})
