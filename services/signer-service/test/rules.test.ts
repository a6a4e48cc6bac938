/** Rules without any server: the same input gives the same answer. */
import t from 'tap'
import fc from 'fast-check'
import { hashTypedData, hexToBytes, keccak256, parseTransaction, recoverTransactionAddress, toBytes, toHex, type Hex } from 'viem'
import { privateKeyToAccount, sign } from 'viem/accounts'
import { intentDomain, intentTypes, intentVectors, transactionEventsOf, transactionMoves, transactionStates, type ReceiptClaims, type TransactionIntent } from '@countersign/contracts'
import { checksummed } from '../src/chain/address.ts'
import { classify } from '../src/chain/chain-fault.ts'
import { intentDigest, noDataHash } from '../src/chain/intent-digest.ts'
import { findNonceUser } from '../src/chain/nonce-user.ts'
import { ForeignSignature, signTransfer } from '../src/chain/signed-bytes.ts'
import { createCanonicalChain } from '../src/confirmations/canonical-chain.ts'
import { cappedFees, gasLimitFor, noopGas, noopLimit, payloadLimit, raised, replacementFees, wantedFees } from '../src/lanes/fees.ts'
import { roundPauseMs } from '../src/lanes/hold-lane.ts'
import { nextNonce } from '../src/lanes/next-nonce.ts'
import { compilePolicy } from '../src/policies/compile-policy.ts'
import { decide } from '../src/policies/decide.ts'
import type { JudgedTransaction } from '../src/policies/judged.ts'
import type { ProofWanted } from '../src/policies/requirements.ts'
import { PolicyRefused, validatePolicy } from '../src/policies/validate-policy.ts'
import { mismatchOf, refusalOfClaims } from '../src/receipts/match-receipt.ts'
import { assertMove, mayMove } from '../src/transactions/moves.ts'

const alice = '0x7E5F4552091A69125d5DfCb7b8C2659029395Bdf'
const bob = '0x2B5AD5c4795c026514f8317c7a215E218DcCD6cF'
const wallet = 'wal_01JD00000000000000000000A1'
const otherWallet = 'wal_01JD00000000000000000000A2'

t.test('the digest is EIP-712 as written down, whatever computes it', async (t) => {
  const word = (value: bigint | string): string => typeof value === 'bigint' ? value.toString(16).padStart(64, '0') : value.slice(2).toLowerCase().padStart(64, '0')
  const text = (value: string): string => word(keccak256(toBytes(value)))
  // By hand, from the text of EIP-712: the library is checked as well.
  const byHand = (intent: TransactionIntent): string => {
    const type = `TransactionIntent(${intentTypes.TransactionIntent.map(({ type, name }) => `${type} ${name}`).join(',')})`
    const struct = keccak256(`0x${text(type)}${text(intent.deployment)}${text(intent.tx_id)}${text(intent.initiator)}${word(intent.wallet)}${word(BigInt(intent.chain_id))}${word(intent.to)}${
      word(BigInt(intent.value))}${word(intent.data_hash)}${word(BigInt(intent.max_fee_total))}${word(BigInt(intent.valid_until))}${word(BigInt(intent.policy_version))}`)
    const domain = keccak256(`0x${text('EIP712Domain(string name,string version)')}${text('Countersign')}${text('1')}`)
    return keccak256(`0x1901${word(domain)}${word(struct)}`)
  }
  for (const { intent, digest } of intentVectors) {
    t.equal(intentDigest(intent), digest)
    t.equal(byHand(intent), digest)
  }
  t.equal(intentVectors[0]?.intent.data_hash, noDataHash)
})

t.test('any intent has the digest that the library gives it', async (t) => {
  const hex = (digits: number) => fc.array(fc.constantFrom(...'0123456789abcdefABCDEF'), { minLength: digits, maxLength: digits }).map((all) => `0x${all.join('').toLowerCase()}`)
  const amount = fc.bigInt(0n, (1n << 256n) - 1n).map(String)
  const intents = fc.record({
    deployment: fc.string({ unit: 'grapheme', maxLength: 64 }), tx_id: fc.string(), initiator: fc.string(), wallet: hex(40), chain_id: fc.maxSafeNat(), to: hex(40),
    value: amount, data_hash: hex(64), max_fee_total: amount, valid_until: fc.maxSafeNat(), policy_version: fc.maxSafeNat()
  })
  fc.assert(fc.property(intents, (intent) => intentDigest(intent) === hashTypedData({
    domain: intentDomain, types: intentTypes, primaryType: 'TransactionIntent', message: intent
  } as never)), { numRuns: 300 })
  const { intent } = intentVectors[0] as { intent: TransactionIntent }
  for (const wrong of [{ value: '-1' }, { value: '0x1' }, { value: String(1n << 256n) }, { valid_until: 1.5 }, { to: '0x1' }, { to: `${alice}00` }, { data_hash: alice }, { tx_id: 1 }]) {
    t.throws(() => intentDigest({ ...intent, ...wrong } as TransactionIntent), { name: 'TypeError', message: `${String(Object.keys(wrong)[0])} cannot be hashed as its type` })
  }
})

t.test('every field of the intent changes the digest', async (t) => {
  const { intent } = intentVectors[0] as { intent: TransactionIntent }
  const others: Partial<TransactionIntent>[] = [
    { deployment: 'x' }, { tx_id: 'tx_01JD00000000000000000000A9' }, { initiator: 'usr_01JD00000000000000000000B9' }, { wallet: bob }, { chain_id: 1 }, { to: alice },
    { value: '1' }, { data_hash: `0x${'0'.repeat(64)}` }, { max_fee_total: '1' }, { valid_until: 1 }, { policy_version: 2 }
  ]
  t.equal(others.length, Object.keys(intent).length)
  t.equal(new Set([intent, ...others.map((other) => ({ ...intent, ...other }))].map(intentDigest)).size, others.length + 1)
})

t.test('nothing is allowed that no rule allows, and a rule that denies wins', async (t) => {
  const allow = { name: 'small', effect: 'allow', wallets: [wallet], destinations: [alice.toLowerCase()], max_value: '100', max_fee_total: '50', require: { shown_proof: true } }
  const policy = (...rules: object[]) => compilePolicy(validatePolicy({ rules }, checksummed).document)
  const judged = ({ to = alice, value = 100n, ...rest }: { to?: string, value?: bigint, walletId?: string, maxFeeTotal?: bigint } = {}): JudgedTransaction =>
    ({ initiator: 'usr_01JD00000000000000000000A1', walletId: wallet, chainId: 1, at: new Date(0), calls: [{ to, value, data: '0x', selector: null, movement: null }], ...rest })
  const none = (): bigint => 0n

  t.match(decide(policy(allow), judged(), none), { allowed: true, rule: 'small', rules: ['small'], factorKinds: ['email_code'], maxFeeTotal: 50n, reservations: [] })
  for (const other of [{ value: 101n }, { to: bob }, { walletId: otherWallet }, { maxFeeTotal: 51n }]) t.match(decide(policy(allow), judged(other), none), { allowed: false, rule: 'default' })
  t.match(decide(policy(), judged(), none), { allowed: false, rule: 'default' }, 'an empty policy allows nothing')
  t.match(decide(policy({ ...allow, chain_ids: [5] }), judged(), none), { allowed: false })
  t.match(decide(policy(allow, { name: 'freeze', effect: 'deny' }), judged(), none), { allowed: false, rule: 'freeze', detail: /freeze/ })
  t.match(decide(policy({ name: 'not bob', effect: 'deny', destinations: [bob] }, allow), judged(), none), { allowed: true })
})

t.test('a policy that allows without a shown proof, or without a limit, is refused with the place', async (t) => {
  const allow = { name: 'small', effect: 'allow', wallets: [wallet], destinations: [alice], max_value: '100', require: { shown_proof: true } }
  const faultsOf = (given: unknown): readonly string[] => {
    try {
      validatePolicy(given, checksummed)
      return []
    } catch (error) {
      if (!(error instanceof PolicyRefused)) throw error
      return error.faults
    }
  }
  const without = (name: string): object => Object.fromEntries(Object.entries(allow).filter(([key]) => key !== name))
  for (const name of ['name', 'wallets', 'destinations', 'max_value', 'require']) t.match(faultsOf({ rules: [without(name)] }).join(), /^rules\/0/, name)
  t.match(faultsOf({ rules: [{ ...allow, require: { shown_proof: false } }] }).join(), /rules\/0\/require\/shown_proof/)
  t.match(faultsOf({ rules: [{ ...allow, require: {} }] }).join(), /rules\/0\/require/)
  for (const kind of ['totp', 'recovery_codes']) t.match(faultsOf({ rules: [{ ...allow, require: { shown_proof: true, factor_kinds: [kind] } }] }).join(), /rules\/0\/require/, `${kind} shows nothing`)
  t.match(faultsOf({ rules: [{ ...allow, wallets: [] }] }).join(), /rules\/0\/wallets/)
  t.match(faultsOf({ rules: [{ ...allow, effect: 'maybe' }] }).join(), /rules\/0\/effect/)
  t.match(faultsOf({ rules: [{ ...allow, extra: 1 }] }).join(), /rules\/0/)
  t.match(faultsOf({ rules: [allow, allow] }).join(), /name is used twice/)
  t.match(faultsOf({ rules: [{ ...allow, destinations: [alice.replace('7E5F', '7e5F')] }] }).join(), /rules\/0\/destinations\/0 has a wrong checksum/)
  for (const nonsense of [null, [], 'x', {}, { rules: 'x' }, { rules: [null] }, { rules: [], more: 1 }]) t.ok(faultsOf(nonsense).length > 0, JSON.stringify(nonsense))
  const spelled = validatePolicy({ rules: [{ ...without('name'), destinations: [alice.toLowerCase()], name: 'small' }] }, checksummed)
  t.equal(spelled.sha256, validatePolicy({ rules: [allow] }, checksummed).sha256, 'order and spelling make no other policy')
})

t.test('a receipt must be the row\'s in every claim', async (t) => {
  const claims: ReceiptClaims = {
    jti: 'rcp_01JD00000000000000000000A1', challenge_id: 'chl_01JD00000000000000000000A1', aud: 'signer-service', purpose: 'transaction', sub: 'usr_01JD00000000000000000000A1',
    factor_root: 'r'.repeat(43), factor_kind: 'email_code', shown: true, factor_age_seconds: 1, action_digest: `0x${'1'.repeat(64)}`, text_sha256: '2'.repeat(64), iat: 1
  }
  const expected = { challengeId: claims.challenge_id, userId: claims.sub, factorRoot: claims.factor_root, digest: claims.action_digest, textSha256: claims.text_sha256, shortTextSha256: '5'.repeat(64), wanted: { shownKinds: ['email_code', 'sms'], unshownKinds: [], programs: true, leastAgeSeconds: 1 } as ProofWanted }
  t.equal(mismatchOf(claims, expected), undefined)
  t.equal(refusalOfClaims(claims), undefined)
  const others: [Partial<ReceiptClaims>, string][] = [
    [{ challenge_id: 'chl_01JD00000000000000000000A2' }, 'challenge'], [{ sub: 'usr_01JD00000000000000000000A2' }, 'user'], [{ factor_root: 's'.repeat(43) }, 'factor_root'],
    [{ action_digest: `0x${'3'.repeat(64)}` }, 'digest'], [{ text_sha256: '4'.repeat(64) }, 'text'], [{ shown: false }, 'unshown'], [{ factor_age_seconds: 0 }, 'factor_age']
  ]
  for (const [change, reason] of others) t.equal(mismatchOf({ ...claims, ...change }, expected), reason)
  for (const kind of ['totp', 'recovery_codes'] as const) {
    const wanted = { shownKinds: [kind], unshownKinds: [], programs: true, leastAgeSeconds: 0 }
    t.equal(mismatchOf({ ...claims, factor_kind: kind, shown: false }, { ...expected, wanted }), 'unshown', `${kind} showed its owner nothing`)
    t.equal(mismatchOf({ ...claims, factor_kind: kind, shown: false }, { ...expected, wanted: { ...wanted, unshownKinds: [kind] } }), undefined, `a policy may take ${kind} all the same`)
    t.equal(mismatchOf({ ...claims, factor_kind: kind, shown: false }, { ...expected, wanted: undefined }), 'unshown')
    t.equal(mismatchOf({ ...claims, factor_kind: kind }, expected), 'factor_kind', `${kind} is none that the rule takes`)
  }
  t.equal(mismatchOf(claims, { ...expected, wanted: undefined }), undefined)
  t.equal(mismatchOf({ ...claims, factor_kind: 'sms', text_sha256: expected.shortTextSha256 }, expected), undefined, 'a text message shows the short text')
  t.equal(mismatchOf({ ...claims, factor_kind: 'sms' }, expected), 'text', 'and never had room for the long one')
  t.equal(mismatchOf({ ...claims, text_sha256: expected.shortTextSha256 }, expected), 'text', 'which a mail shows')
  t.equal(mismatchOf({ ...claims, factor_kind: 'sms', text_sha256: expected.shortTextSha256 }, { ...expected, shortTextSha256: undefined }), 'text', 'what has no short text is confirmed by no text message')
  t.equal(refusalOfClaims({ ...claims, aud: 'auth-gateway' }), 'audience')
  t.equal(refusalOfClaims({ ...claims, purpose: 'email_enrol' }), 'purpose')
})

t.test('a transaction moves along the table and nowhere else', async (t) => {
  for (const from of transactionStates) {
    for (const to of transactionStates) {
      const allowed = transactionMoves[from].includes(to)
      t.equal(mayMove(from, to), allowed)
      if (!allowed) t.throws(() => { assertMove(from, to) }, /never moves/)
    }
  }
  t.ok(mayMove('mined', 'broadcast'), 'a reorg')
  t.strictSame([transactionEventsOf('received', 'approved'), transactionEventsOf('received', 'awaiting_confirmation'), transactionEventsOf('assigned', 'approved'), transactionEventsOf('mined', 'broadcast')], [['accepted', 'approved'], ['accepted', 'waiting'], [], ['reorged']])
  t.ok(!mayMove('broadcast', 'approved') && !mayMove('signed', 'expired'), 'what may be on its way is neither queued again nor given up')
})

t.test('fees stay under what was confirmed, and a replacement raises both', async (t) => {
  const market = { baseFee: 100n, tip: 10n }
  t.strictSame(wantedFees(market), { maxFeePerGas: 210n, maxPriorityFeePerGas: 10n })
  t.strictSame(cappedFees(market, 21_000n, 21_000n * 210n), wantedFees(market))
  t.strictSame(cappedFees(market, 21_000n, 21_000n * 130n), { maxFeePerGas: 130n, maxPriorityFeePerGas: 10n }, 'the cap, while it outlives one block')
  t.equal(cappedFees(market, 21_000n, 21_000n * 121n), undefined, 'else it waits')

  t.equal(raised(100n), 111n)
  t.equal(raised(101n), 113n)
  t.equal(raised(0n), 1n)
  const old = { maxFeePerGas: 210n, maxPriorityFeePerGas: 10n }
  t.strictSame(replacementFees(old, market, 21_000n, 21_000n * 1_000n), { maxFeePerGas: 232n, maxPriorityFeePerGas: 12n })
  t.strictSame(replacementFees(old, { baseFee: 400n, tip: 50n }, 21_000n, 21_000n * 1_000n), { maxFeePerGas: 850n, maxPriorityFeePerGas: 50n })
  t.strictSame(replacementFees(old, { baseFee: 400n, tip: 50n }, 21_000n, 21_000n * 300n), { maxFeePerGas: 300n, maxPriorityFeePerGas: 50n })
  t.equal(replacementFees(old, market, 21_000n, 21_000n * 231n), undefined)
  t.equal(gasLimitFor(20_000n), 21_000n)
  t.equal(gasLimitFor(21_000n), 21_000n)
  t.equal(gasLimitFor(30_000n), 36_000n)
})

t.test('whatever a transaction may offer, a no-op can outbid it within the limit of its chain or its own', async (t) => {
  const limited = (wei: bigint) => ({ maxFeeTotal: wei.toString() })
  fc.assert(fc.property(fc.bigInt(0n, 10n ** 24n), fc.bigInt(0n, 10n ** 24n), fc.bigInt(noopGas, 60_000_000n), fc.bigInt(0n, 10n ** 15n), fc.bigInt(0n, 10n ** 12n), (own, ofChain, gas, baseFee, tip) => {
    const [row, chain] = [limited(own), limited(ofChain)]
    const offered = cappedFees({ baseFee, tip }, gas, payloadLimit(row, gas, chain))
    if (offered === undefined) return
    if (gas * offered.maxFeePerGas > own) throw new Error('dearer than what was confirmed')
    const highest = { maxFeePerGas: payloadLimit(row, gas, chain) / gas, maxPriorityFeePerGas: offered.maxPriorityFeePerGas }
    if (replacementFees(highest, { baseFee, tip }, noopGas, noopLimit(chain, row)) === undefined) throw new Error(`no room above ${highest.maxFeePerGas}`)
  }), { numRuns: 300 })
  t.equal(payloadLimit(limited(10n ** 16n), 5_000_000n, limited(10n ** 16n)), 10n ** 16n, 'what is confirmed for a call is far from that')
  t.equal(payloadLimit(limited(21_000n * 1_000n), 21_000n, limited(1n)), 21_000n * 908n, 'a plain transfer leaves a tenth of its own limit')
})

t.test('a lane looks four times a block, not faster than it is told to and not slower than every five seconds', async (t) => {
  t.strictSame([roundPauseMs(400, 500), roundPauseMs(12_000, 500), roundPauseMs(600_000, 500), roundPauseMs(12_000, 10_000)], [500, 3_000, 5_000, 10_000])
})

t.test('a new nonce is above everything that is known to be taken', async (t) => {
  t.equal(nextNonce({ highestRow: undefined, highestAttempt: undefined, mark: 0, latest: 0, pending: 0 }), 0, '0 is a nonce like any other')
  const known = { highestRow: 4, highestAttempt: 4, mark: 5, latest: 5, pending: 5 }
  t.equal(nextNonce(known), 5)
  for (const [name, value, next] of [['highestRow', 9, 10], ['highestAttempt', 9, 10], ['mark', 9, 9], ['latest', 9, 9], ['pending', 9, 9]] as const) t.equal(nextNonce({ ...known, [name]: value }), next, name)
})

t.test('only known wording proves that a node did not take a payload', async (t) => {
  const answer = (message: string, code?: number) => classify({ kind: 'answer', code, message })
  const table: [string, string, boolean][] = [
    ['execution reverted: nonce too low, already known, insufficient funds', 'reverted', false],
    ['VM Exception while processing transaction: revert', 'reverted', false],
    ['already known', 'already_known', true],
    ['ALREADY_EXISTS: already known', 'already_known', true],
    ['transaction already imported', 'already_known', true],
    ['nonce too low: next nonce 5, tx nonce 4', 'nonce_too_low', true],
    ['nonce too high', 'nonce_too_high', false],
    ['replacement transaction underpriced', 'replacement_underpriced', false],
    ['transaction underpriced: gas tip cap 1, minimum needed 2', 'underpriced', false],
    ['max fee per gas less than block base fee', 'underpriced', false],
    ['insufficient funds for gas * price + value', 'insufficient_funds', false],
    ['Insufficient funds for gas * price + value', 'insufficient_funds', false],
    ['txpool is full', 'pool_full', false],
    ['intrinsic gas too low', 'refused', false],
    ['exceeds block gas limit', 'refused', false],
    ['Too Many Requests', 'rate_limited', true],
    ['header not found', 'unknown', true],
    ['internal error', 'unknown', true],
    ['', 'unknown', true]
  ]
  for (const [message, code, mayHaveMovedMoney] of table) t.match(answer(message), { code, mayHaveMovedMoney }, message)
  t.match(answer('something the contract said', 3), { code: 'reverted', class: 'payload' })
  for (const kind of ['timeout', 'unreachable', 'unknown'] as const) t.match(classify({ kind }), { class: 'trouble', retryable: true, mayHaveMovedMoney: true }, kind)
})

t.test('bytes are signed for exactly the transfer, and a foreign signature never becomes bytes', async (t) => {
  const key = `0x${'11'.repeat(32)}` as const
  const account = privateKeyToAccount(key)
  const signDigest = (privateKey: Hex) => async (digest: Uint8Array) => {
    const { r, s, yParity } = await sign({ hash: toHex(digest), privateKey })
    return { r: BigInt(r), s: BigInt(s), yParity: (yParity ?? 0) as 0 | 1, address: privateKeyToAccount(privateKey).address }
  }
  const transfer = { chainId: 31_337, nonce: 0, to: bob, value: 5n, data: '0x' as const, gas: 21_000n, maxFeePerGas: 3n, maxPriorityFeePerGas: 2n, eip1559: true }
  const { bytes, hash } = await signTransfer(transfer, account.address, signDigest(key))
  t.equal(hash, keccak256(bytes))
  t.equal(await recoverTransactionAddress({ serializedTransaction: bytes as `0x02${string}` }), account.address)
  t.match(parseTransaction(bytes), { type: 'eip1559', chainId: 31_337, to: bob.toLowerCase(), value: 5n, gas: 21_000n, maxFeePerGas: 3n, maxPriorityFeePerGas: 2n })
  t.equal(hexToBytes(bytes)[0], 2)
  const old = await signTransfer({ ...transfer, data: '0x1234', eip1559: false }, account.address, signDigest(key))
  t.match(parseTransaction(old.bytes), { type: 'legacy', chainId: 31_337, to: bob.toLowerCase(), value: 5n, data: '0x1234', gas: 21_000n, gasPrice: 3n }, 'without EIP-1559 the chain is in v, EIP-155')
  t.equal(await recoverTransactionAddress({ serializedTransaction: old.bytes as never }), account.address)
  await t.rejects(signTransfer(transfer, account.address, signDigest(`0x${'22'.repeat(32)}`)), ForeignSignature)
})

t.test('who took a nonce is found in the block where it went up', async (t) => {
  const takenIn = [3, 7, 7, 12]
  const node = {
    nonceAt: async (_address: string, block: number) => takenIn.filter((height) => height <= block).length,
    transactionsIn: async (block: number) => takenIn.flatMap((height, nonce) => height === block ? [{ hash: `0x${nonce}`, from: alice, nonce }, { hash: '0xother', from: bob, nonce }] : [])
  }
  for (const [nonce, block] of takenIn.entries()) {
    for (const head of [12, 13, 40]) t.strictSame(await findNonceUser(node, alice, nonce, head), { hash: `0x${nonce}`, block }, `nonce ${nonce} at head ${head}`)
  }
  t.equal(await findNonceUser(node, alice, 4, 40), undefined)
  t.equal(await findNonceUser(node, alice, 3, 11), undefined, 'not used yet at that head')
  t.strictSame(await findNonceUser({ ...node, nonceAt: async () => 1, transactionsIn: async () => [{ hash: '0xgenesis', from: alice, nonce: 0 }] }, alice, 0, 5), { hash: '0xgenesis', block: 0 })
})

t.test('the canonical chain is walked along parent hashes, and a fork changes it from where it parts', async (t) => {
  const fork = (name: string, from: number, to: number, parent: string) => Array.from({ length: to - from + 1 }, (_none, index) => ({
    number: from + index, hash: `0x${name}${from + index}` as Hex, parentHash: (index === 0 ? parent : `0x${name}${from + index - 1}`) as Hex, baseFee: 0n
  }))
  const old = fork('a', 0, 9, '0x')
  const fresh = fork('b', 7, 10, '0xa6')
  let asked = 0
  const node = { block: async (at: number | Hex) => { asked++; return [...old, ...fresh].find(({ hash }) => hash === at) ?? null } }
  const canonical = createCanonicalChain()
  const before = await canonical.walk(node, old[9] as typeof old[0], 5)
  t.strictSame([...before.entries()].sort(([a], [b]) => a - b).map(([, hash]) => hash), ['0xa5', '0xa6', '0xa7', '0xa8', '0xa9'])
  asked = 0
  const after = await canonical.walk(node, fresh[3] as typeof old[0], 5)
  t.equal(after.get(7), '0xb7')
  t.equal(after.get(6), '0xa6')
  t.equal(asked, 3, 'what is known is not asked again')
  t.equal((await canonical.walk({ block: async () => null }, { number: 20, hash: '0xc20', parentHash: '0xc19', baseFee: 0n }, 5)).get(7), undefined, 'what does not link is not known')
})
