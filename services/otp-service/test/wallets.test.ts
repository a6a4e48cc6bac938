/** Wallets as factors: enrolled here, asked to sign the action itself, and nothing that they signed counts for anything else. */
import { createHash } from 'node:crypto'
import {
  answerByWallet, answerStepUpByWallet, askWallet, askWalletOfStepUp, beginStepUp, beginTotp, beginWallet, beginWalletFactor, confirmationMessage, confirmationTypedData, confirmTotp, confirmWallet, confirmWalletFactor, describeFactors, listFactors, removeFactor, renameFactor,
  Problem, sendStepUp, shownText, stepUpPreimage, stepUpText, verifyStepUp, walletFamilies,
  type ConfirmationTypedData, type ReplyOf, type RequestOf, type StepUpAction, type WalletFamily, type WalletRequest
} from '@countersign/contracts'
import { newId } from '@countersign/runtime'
import { newWallets, startAnvil, until, type TestWallet } from '@countersign/testing'
import { verifiers } from '@countersign/wallets'
import { base32nopad } from '@scure/base'
import fc from 'fast-check'
import t from 'tap'
import type { Address, Hex } from 'viem'
import { generatePrivateKey, privateKeyToAccount, type PrivateKeyAccount } from 'viem/accounts'
import { codeAt, stepAt } from '../src/totp/totp.ts'
import { allLogs, newAddress, newUser, openHouse, refusal, wrong, type CodeMail } from './open-otp.ts'

const chain = await startAnvil(t)
const house = await openHouse(t, { EVM_CHAIN_IDS: '1,31337', EVM_RPC_URLS: JSON.stringify({ 31337: chain.rpcUrl }), PUBLIC_URL: 'https://auth.example.com', OTP_SIGNATURES_PER_MINUTE: '100000' })
const second = await house.openService()
t.teardown(() => second.stop())
const { db, mails, gateway, signer, ask } = house
const challenges = db.collection<{ _id: string, created_at: Date, attempts_left: number }>('challenges')

interface Person { readonly userId: string, readonly sessionId: string }
interface Answer { readonly signature: string, readonly public_key?: string }
/** Signs what otp-service gave, as a wallet of its family does. */
interface Wallet { readonly family: WalletFamily, readonly address: string, readonly sign: (request: Pick<WalletRequest, 'typed_data' | 'message'>) => Promise<Answer> }
interface Owner extends Person { readonly wallet: Wallet, readonly factorId: string }

const by = ({ userId, sessionId }: Person) => ({ user_id: userId, session_id: sessionId })
const typed = (data: ConfirmationTypedData | undefined) => data as unknown as Parameters<PrivateKeyAccount['signTypedData']>[0]
const evmWallet = (account = privateKeyToAccount(generatePrivateKey())): Wallet => ({ family: 'evm', address: account.address, sign: async ({ typed_data: data }) => ({ signature: await account.signTypedData(typed(data)) }) })
const walletOf = (family: WalletFamily): Wallet => {
  if (family === 'evm') return evmWallet()
  const wallet: TestWallet = newWallets[family]()
  return { family, address: wallet.address, sign: async ({ message = '' }) => await wallet.sign(message) as unknown as Answer }
}

const begin = (who: Person, { family, address }: Pick<Wallet, 'family' | 'address'>, more: Partial<RequestOf<typeof beginWallet>> = {}, commandId?: string) =>
  gateway.call(beginWallet, { ...by(who), family, address, ...more }, { ...ask, ...commandId !== undefined && { commandId } })
const confirm = (who: Person, factorId: string, answer: Answer) => gateway.call(confirmWallet, { ...by(who), factor_id: factorId, ...answer }, ask)
const enrol = async (wallet = evmWallet(), who: Person = newUser(), more: Partial<RequestOf<typeof beginWallet>> = {}): Promise<Owner> => {
  const { factor_id: factorId, sign } = await begin(who, wallet, more)
  await confirm(who, factorId, await wallet.sign(sign))
  return { ...who, wallet, factorId }
}
const action = (): StepUpAction => ({ type: 'api_keys.rotate', resource_id: newId('key') })
const question = async (who: Person, about = action()): Promise<string> => (await gateway.call(beginStepUp, { ...by(who), action: about }, ask)).challenge_id
const asked = async ({ factorId, ...who }: Person & { readonly factorId: string }, id: string) => (await gateway.call(askWallet, { ...by(who), challenge_id: id, factor_id: factorId }, ask)).sign
const answer = ({ factorId, ...who }: Person & { readonly factorId: string }, id: string, given: Answer, commandId?: string): Promise<ReplyOf<typeof answerByWallet>> =>
  gateway.call(answerByWallet, { ...by(who), challenge_id: id, factor_id: factorId, ...given }, { ...ask, ...commandId !== undefined && { commandId } })
/** A question, and what the wallet signed of it. */
const signed = async (owner: Owner, about = action()) => {
  const id = await question(owner, about)
  const request = await asked(owner, id)
  return { id, about, request, given: await owner.wallet.sign(request) }
}
const stepUp = async (owner: Owner, about: StepUpAction): Promise<string> => {
  const { id, given } = await signed(owner, about)
  await answer(owner, id, given)
  return id
}
const adding = ({ family, address }: Pick<Wallet, 'family' | 'address'>): StepUpAction => ({ type: 'factors.add_wallet', resource_id: `${family}:${address}` })
const rootOf = async ({ userId }: Person) => (await signer.call(describeFactors, { user_id: userId }, ask)).factor_root

/** What a call was refused with. */
const problemOf = async (call: Promise<unknown>): Promise<Problem | undefined> => await call.then(() => undefined, (error: unknown) => error instanceof Problem ? error : undefined)
const order = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141n
const mirrored = (signature: string): string =>
  `${signature.slice(0, 66)}${(order - BigInt(`0x${signature.slice(66, 130)}`)).toString(16).padStart(64, '0')}${signature.endsWith('1b') ? '1c' : '1b'}`

for (const family of walletFamilies) {
  t.test(`${family}: a wallet becomes a factor by signing that it does, and then confirms an action by signing the action`, async (t) => {
    const who = newUser()
    const wallet = walletOf(family)
    const { factor_id: factorId, sign } = await begin(who, wallet, { name: 'Hardware wallet' })
    const shown = JSON.stringify(sign.typed_data ?? sign.message)
    for (const word of [who.userId, factorId, wallet.address, 'auth.example.com', 'wallet_enrol']) t.ok(shown.includes(word), word)
    t.same((await gateway.call(listFactors, { user_id: who.userId }, ask)).factors, [], 'none yet')
    const other = walletOf(family)
    t.equal(await refusal(confirm(who, factorId, await other.sign(sign))), 'proof-rejected', 'another wallet')
    const given = await wallet.sign(sign)
    t.equal(await refusal(confirm({ ...who, sessionId: newId('ses') }, factorId, given)), 'proof-rejected', 'another session')
    t.equal(await refusal(confirm(newUser(), factorId, given)), 'proof-rejected', 'another user')

    const { factor } = await confirm(who, factorId, given)
    t.match(factor, { id: factorId, kind: 'wallet', label: 'Hardware wallet', shown: true, sends: false, wallet: { family, address: wallet.address, ...family === 'evm' && { chain_id: 1 } } })
    t.same((await confirm(who, factorId, { signature: 'x' })).factor, factor, 'a lost reply is read again')

    const owner: Owner = { ...who, wallet, factorId }
    const about = action()
    const begun = await gateway.call(beginStepUp, { ...by(who), action: about }, ask)
    t.same(begun.factors, [factor])
    const request = await asked(owner, begun.challenge_id)
    t.same(await asked(owner, begun.challenge_id), request, 'asked twice it is the same')
    t.equal(await refusal(answer(owner, begun.challenge_id, await other.sign(request))), 'proof-rejected', 'another wallet')
    const { receipt } = await answer(owner, begun.challenge_id, await wallet.sign(request))
    t.match(await house.receipts.verify(receipt), {
      challenge_id: begun.challenge_id, aud: 'auth-gateway', purpose: 'step_up', sub: who.userId, factor_root: await rootOf(who), factor_kind: 'wallet', shown: true,
      action_digest: `0x${createHash('sha256').update(stepUpPreimage(who.userId, who.sessionId, about)).digest('hex')}`,
      text_sha256: createHash('sha256').update(stepUpText(who.userId, about)).digest('hex')
    })
    t.equal(await refusal(answer(owner, begun.challenge_id, await wallet.sign(request))), 'proof-rejected', 'once')
    t.equal(await refusal(asked(owner, begun.challenge_id)), 'state-conflict', 'it is answered')
  })
}

t.test('the screen of an Ethereum wallet shows the action, field by field, and the stored question alone says which', async (t) => {
  const owner = await enrol()
  const { id, about, request } = await signed(owner)
  const row = await challenges.findOne({ _id: id })
  const expiresAt = new Date((row?.created_at.getTime() ?? 0) + 300_000).toISOString()
  t.same(request, {
    family: 'evm', address: owner.wallet.address, expires_at: expiresAt,
    typed_data: {
      domain: { name: 'Countersign', version: '1', chainId: 1 },
      primaryType: 'Confirmation',
      types: request.typed_data?.types,
      message: {
        action: `Replace an API key, for the account ${owner.userId}.`,
        details: [{ name: 'Key', value: about.resource_id }],
        notice: stepUpText(owner.userId, about).split('\n').at(-1),
        account: owner.userId, site: 'auth.example.com', purpose: 'step_up', nonce: id,
        digest: `0x${createHash('sha256').update(stepUpPreimage(owner.userId, owner.sessionId, about)).digest('hex')}`,
        issuedAt: row?.created_at.toISOString(), expiresAt
      }
    }
  })
  t.equal(request.typed_data?.types.EIP712Domain.some(({ name }) => /verifyingContract|salt/.test(name)), false)
})

t.test('every word of a text stands on the screen, those of a transaction as fields of their own', async (t) => {
  t.same(shownText('Send 1.5 ETH (1500000000000000000 wei)\nTo: 0x3C44CdDdB6a900fa2b585dd299e03d12FA4293BC\nNetwork fee: at most 0.01 ETH\nValid until: 2030-01-01T00:00:00Z'), {
    action: 'Send 1.5 ETH (1500000000000000000 wei)',
    details: [{ name: 'To', value: '0x3C44CdDdB6a900fa2b585dd299e03d12FA4293BC' }, { name: 'Network fee', value: 'at most 0.01 ETH' }, { name: 'Valid until', value: '2030-01-01T00:00:00Z' }],
    notice: ''
  })
  const line = fc.oneof(fc.string({ maxLength: 30 }), fc.tuple(fc.stringMatching(/^[A-Z][a-z ]{0,10}$/), fc.string({ maxLength: 20 })).map(([name, value]) => `${name}: ${value}`)).map((text) => text.replaceAll('\n', ' '))
  t.doesNotThrow(() => { fc.assert(fc.property(fc.array(line, { maxLength: 8 }), (lines) => {
    const { action, details, notice } = shownText(lines.join('\n'))
    const screen = [action, ...details.map(({ name, value }) => `${name}: ${value}`), notice].join(' ')
    return lines.every((one) => screen.includes(one))
  })) })
})

t.test('a signature confirms its own question, of its own user and session, by its own wallet on its own chain, and nothing else', async (t) => {
  const [owner, other] = await Promise.all([enrol(), enrol()])
  const own = evmWallet()
  const both = await enrol(own)
  const alsoHis = await enrol(own)
  const { id, given, about, request } = await signed(owner)
  const secondQuestion = await question(owner, about)
  const message = request.typed_data?.message
  if (message === undefined) throw new Error('no typed data')
  const resign = (change: object, chainId = 1) => owner.wallet.sign({ typed_data: { ...request.typed_data as ConfirmationTypedData, domain: { name: 'Countersign', version: '1', chainId }, message: { ...message, ...change } } })
  const enrolment = await begin(owner, evmWallet(), { step_up: await stepUp(owner, adding(other.wallet)) }).catch(() => undefined)
  t.equal(enrolment, undefined, 'a step-up for another wallet adds none')

  const elsewhere = { ...owner, sessionId: newId('ses') }
  for (const [what, call] of [
    ['another question about the same action', () => answer(owner, secondQuestion, given)],
    ['another session', () => answer(elsewhere, id, given)],
    ['another user', () => answer(other, id, given)],
    ['another user, named with this factor', () => answer({ ...other, factorId: owner.factorId }, id, given)],
    ['the same wallet for another user', async () => answer(alsoHis, await question(alsoHis), (await signed(both)).given)],
    ['another action', async () => answer(owner, id, await resign({ action: `Remove a login, for the account ${owner.userId}.` }))],
    ['another resource', async () => answer(owner, id, await resign({ details: [{ name: 'Key', value: newId('key') }] }))],
    ['another account', async () => answer(owner, id, await resign({ account: other.userId }))],
    ['another site', async () => answer(owner, id, await resign({ site: 'evil.example' }))],
    ['another purpose', async () => answer(owner, id, await resign({ purpose: 'transaction' }))],
    ['another digest', async () => answer(owner, id, await resign({ digest: `0x${'0'.repeat(64)}` }))],
    ['another end', async () => answer(owner, id, await resign({ expiresAt: '2100-01-01T00:00:00.000Z' }))],
    ['another chain', async () => answer(owner, id, await resign({}, 31337))],
    ['a high s', () => answer(owner, id, { signature: mirrored(given.signature) })],
    ['a code in its place', () => answer(owner, id, { signature: '123456' })],
    ['an enrolment', () => confirm(owner, owner.factorId.replace(/.$/, '0'), given)]
  ] as const) t.equal(await refusal(call()), 'proof-rejected', what)

  t.equal(await refusal(gateway.call(verifyStepUp, { ...by(owner), challenge_id: id, proof: { factor_id: owner.factorId, code: '123456' } }, ask)), 'state-conflict', 'a wallet has no code')
  t.equal(await refusal(gateway.call(sendStepUp, { ...by(owner), challenge_id: id, factor_id: owner.factorId }, ask)), 'state-conflict', 'nor is one sent to it')
  t.equal(await refusal(asked(other, id)), 'not-found', 'the question of somebody else')
  t.equal(await refusal(asked({ ...owner, factorId: other.factorId }, id)), 'not-found', 'the factor of somebody else')
  await t.rejects(signer.call(answerByWallet, { ...by(owner), challenge_id: id, factor_id: owner.factorId, ...given }, ask), 'the signer has no such list')
  t.ok((await answer(owner, id, given)).receipt, 'nothing of that used it up')
})

t.test('a signature that signs in confirms nothing, and one that confirms signs nobody in; nor is an enrolment a step-up', async (t) => {
  const account = privateKeyToAccount(generatePrivateKey())
  const wallet = evmWallet(account)
  const who = newUser()
  const { factor_id: factorId, sign } = await begin(who, wallet)
  const ofEnrolment = await wallet.sign(sign)
  await confirm(who, factorId, ofEnrolment)
  const owner = { ...who, wallet, factorId }
  const { id, request, given } = await signed(owner)
  const siwe = `auth.example.com wants you to sign in with your Ethereum account:\n${wallet.address}\n\nSign in.\n\nURI: https://auth.example.com\nVersion: 1\nChain ID: 1\nNonce: 32891756\nIssued At: 2030-01-01T00:00:00Z`
  t.equal(await refusal(answer(owner, id, { signature: await account.signMessage({ message: siwe }) })), 'proof-rejected', 'a sign-in')
  t.equal(await refusal(answer(owner, id, { signature: await account.signMessage({ message: JSON.stringify(request.typed_data) }) })), 'proof-rejected', 'the same words as a text')
  t.equal(await refusal(answer(owner, id, ofEnrolment)), 'proof-rejected', 'the enrolment')
  t.match(await verifiers.evm({ message: siwe, signature: given.signature, address: wallet.address, chainId: 1 }), { valid: false })
  const again = await begin(newUser(), wallet)
  t.not(again.sign.typed_data?.message.nonce, sign.typed_data?.message.nonce)

  for (const family of walletFamilies) {
    const text = confirmationMessage({ text: 'Do it.', account: who.userId, site: 'auth.example.com', purpose: 'step_up', nonce: id, digest: `0x${'0'.repeat(64)}`, issuedAt: new Date(0), expiresAt: new Date(1) }, { chainName: 'Solana', address: 'x', chainReference: '1' })
    t.notMatch(text, /sign in/, family)
  }
})

t.test('of 100 uses of one signature at once, at two processes, one is answered with a receipt; a lost reply is read again', async (t) => {
  const owner = await enrol()
  const { id, given } = await signed(owner)
  const answers = await Promise.all(Array.from({ length: 100 }, () => refusal(answer(owner, id, given))))
  t.equal(answers.filter((one) => one === 'none').length, 1)
  t.equal(answers.filter((one) => one === 'proof-rejected').length, 99)
  t.equal(await db.collection('receipts').countDocuments({ challenge_id: id }), 1)

  const repeated = await signed(owner)
  const first = await answer(owner, repeated.id, repeated.given, 'cmd_repeated_answer')
  t.same(await answer(owner, repeated.id, repeated.given, 'cmd_repeated_answer'), first)

  const enrolled = await Promise.all(Array.from({ length: 20 }, async () => refusal(enrol(owner.wallet, { ...owner }, {}))))
  t.same(new Set(enrolled), new Set(['state-conflict']), 'it is a factor already')
})

t.test('wrong signatures spend no attempt and no budget, a locked code factor keeps no wallet out, and the wallet opens it again', async (t) => {
  const user = await house.enrol()
  const wallet = evmWallet()
  const id = await question(user, adding(wallet))
  await gateway.call(sendStepUp, { ...by(user), challenge_id: id, factor_id: user.factorId }, ask)
  await gateway.call(verifyStepUp, { ...by(user), challenge_id: id, proof: { factor_id: user.factorId, code: await mails.code(user.address, wallet.address) } }, ask)
  const owner: Owner = { ...await enrol(wallet, user, { step_up: id }), sessionId: user.sessionId }
  t.equal(await rootOf(user), user.factorRoot, 'added on a proof that showed it, it has the root')
  t.match(await mails.newest(user.address), { template: 'factor_added', parameters: { factor: `Wallet: ${wallet.address}` } })

  const wrongly = await signed(owner)
  for (let attempt = 0; attempt < 30; attempt++) t.equal(await refusal(answer(owner, wrongly.id, { signature: `0x${'11'.repeat(64)}1b` })), 'proof-rejected')
  t.match(await challenges.findOne({ _id: wrongly.id }), { attempts_left: 3, consumed_at: null })

  const codes = async (count: number) => {
    for (let left = count; left > 0; left -= 3) {
      const guessed = await question(user)
      await gateway.call(sendStepUp, { ...by(user), challenge_id: guessed, factor_id: user.factorId }, ask)
      const { parameters: { code } } = await mails.newest(user.address, (mail) => mail.template === 'code') as CodeMail
      for (let attempt = 0; attempt < Math.min(3, left); attempt++) await refusal(gateway.call(verifyStepUp, { ...by(user), challenge_id: guessed, proof: { factor_id: user.factorId, code: wrong(code) } }, ask))
    }
  }
  await codes(10)
  const stranger = { ...user, sessionId: newId('ses') }
  const locked = await question(stranger)
  t.equal(await refusal(gateway.call(sendStepUp, { ...by(stranger), challenge_id: locked, factor_id: user.factorId }, ask)), 'factor-locked')
  t.ok((await answer(owner, wrongly.id, wrongly.given)).receipt, 'the wallet answers all the same')
  t.equal(await refusal(gateway.call(sendStepUp, { ...by(stranger), challenge_id: locked, factor_id: user.factorId }, ask)), 'none', 'and the factor is open')

  const exhausted = await signed(owner)
  await challenges.updateOne({ _id: exhausted.id }, { $set: { attempts_left: 0 } })
  t.ok((await answer(owner, exhausted.id, exhausted.given)).receipt, 'whose codes were used up')
})

t.test('a question and an enrolment end by the clock of the database', async (t) => {
  const owner = await enrol()
  const late = await signed(owner)
  await challenges.updateOne({ _id: late.id }, [{ $set: { expires_at: '$$NOW' } }])
  t.equal(await refusal(asked(owner, late.id)), 'state-conflict')
  t.equal(await refusal(answer(owner, late.id, late.given)), 'proof-rejected')

  const who = newUser()
  const wallet = evmWallet()
  const { factor_id: factorId, sign } = await begin(who, wallet)
  await db.collection<{ _id: string }>('wallet_enrolments').updateOne({ _id: factorId }, [{ $set: { expires_at: '$$NOW' } }])
  t.equal(await refusal(confirm(who, factorId, await wallet.sign(sign))), 'proof-rejected')
})

t.test('whatever is sent as an address, a signature or a key is refused as wrong, and never fails', async (t) => {
  const who = newUser()
  for (const [what, given, path] of [
    ['an address of another family', { family: 'solana', address: evmWallet().address }, 'body/address'],
    ['a wrong checksum', { family: 'evm', address: '0xCD2a3d9F938E13CD947Ec05AbC7FE734Df8DD82D' }, 'body/address'],
    ['a chain that is not configured', { family: 'evm', address: evmWallet().address, chain_id: 5 }, 'body/chain_id'],
    ['a chain id for another family', { family: 'solana', address: walletOf('solana').address, chain_id: 1 }, 'body/chain_id'],
    ['a network that is not configured', { family: 'solana', address: walletOf('solana').address, network: 'testnet' }, 'body/network'],
    ['a network for Ethereum', { family: 'evm', address: evmWallet().address, network: 'testnet' }, 'body/network'],
    ['an address with a typing error', { family: 'bitcoin', address: 'bc1qax22a3hxrc63ups0apcvx7e4hvtphwvkugqva3' }, 'body/address']
  ] as const) {
    t.match(await problemOf(gateway.call(beginWallet, { ...by(who), ...given }, ask)), { kind: { slug: 'schema-violation' }, extensions: { faults: [{ path }] } }, what)
  }

  for (const family of walletFamilies) {
    const owner = await enrol(walletOf(family))
    const { id, given } = await signed(owner)
    const bent = [...Array.from({ length: 12 }, (_, index) => given.signature.slice(0, index * 13)), `${given.signature}00`, given.signature.toUpperCase().replaceAll('A', 'B'), '0x', '\ud7ff'.repeat(100), '0'.repeat(20_000), mirrored(`0x${'11'.repeat(65)}`)]
    for (const signature of bent.filter((one) => one !== '' && one !== given.signature)) t.equal(await refusal(answer(owner, id, { ...given, signature })), 'proof-rejected', family)
    if (given.public_key !== undefined) {
      const stranger = await walletOf(family).sign({ message: 'x' })
      t.equal(await refusal(answer(owner, id, { ...given, public_key: stranger.public_key ?? '' })), 'proof-rejected', 'the key of somebody else')
    }
    t.ok((await answer(owner, id, given)).receipt, family)
  }
})

t.test('signatures are limited by session, so that another one takes nothing from its owner', async (t) => {
  const limited = await house.openService({ OTP_SIGNATURES_PER_MINUTE: '2' })
  const owner = await enrol()
  const { id, given } = await signed(owner)
  const use = limited.parts.useCases.answerByWallet
  const send = (session: string, signature: string) => refusal(use({ user_id: owner.userId, session_id: session, challenge_id: id, factor_id: owner.factorId, signature }, { caller: 'auth-gateway', commandId: `cmd_${newId('idk')}`, requestId: 'req-test' }))
  const elsewhere = newId('ses')
  const outcomes: string[] = []
  for (let round = 0; round < 4; round++) outcomes.push(await send(elsewhere, given.signature))
  t.same(outcomes.slice(0, 2), ['proof-rejected', 'proof-rejected'])
  t.equal(outcomes[3], 'rate-limited')
  t.equal(await send(owner.sessionId, given.signature), 'none')
  t.match(await limited.metrics(), /otp_rate_limit_hits\{limit="signatures"\} [12]/)
  await limited.stop()
})

/** ERC-1271 for one owner: ecrecover(hash, v, r, s) == owner ? 0x1626ba7e : 0, as one word. */
const contractOf = (owner: Address): Hex =>
  `0x60043560005260a43560001a602052606435604052608435606052602060806080600060015afa5060805173${owner.slice(2).toLowerCase()}14631626ba7e0260e01b60005260206000f3`

t.test('a contract wallet is a factor on a chain whose node can be asked, and there alone; a key is never answered for by a contract', async (t) => {
  const account = privateKeyToAccount(generatePrivateKey())
  const address = `0x${'c0de'.repeat(10)}`
  await chain.request('anvil_setCode', [address, contractOf(account.address)])
  const contract: Wallet = { ...evmWallet(account), address }
  const who = newUser()
  const nodeless = await begin(who, contract, { chain_id: 1 })
  t.match(await problemOf(confirm(who, nodeless.factor_id, await contract.sign(nodeless.sign))), { kind: { slug: 'proof-rejected' }, extensions: { detail: /no node of chain 1 .* contract wallet/ } })

  const owner = await enrol(contract, who, { chain_id: 31337 })
  const { id, request, given } = await signed(owner)
  t.match(request.typed_data?.domain, { chainId: 31337 })
  t.equal(await refusal(answer(owner, id, await evmWallet().sign(request))), 'proof-rejected', 'not its owner')
  const otherChain = await account.signTypedData(typed({ ...request.typed_data as ConfirmationTypedData, domain: { name: 'Countersign', version: '1', chainId: 1 } }))
  t.equal(await refusal(answer(owner, id, { signature: otherChain })), 'proof-rejected', 'another chain')
  await chain.request('anvil_setCode', [address, '0x'])
  t.equal(await refusal(answer(owner, id, given)), 'proof-rejected', 'the contract is gone')
  await chain.request('anvil_setCode', [address, contractOf(account.address)])
  t.ok((await answer(owner, id, given)).receipt)

  const key = await enrol(evmWallet(), newUser(), { chain_id: 31337 })
  const delegate = privateKeyToAccount(generatePrivateKey())
  await chain.request('anvil_setCode', [key.wallet.address, contractOf(delegate.address)])
  const ofKey = await signed(key)
  t.equal(await refusal(answer(key, ofKey.id, await evmWallet(delegate).sign(ofKey.request))), 'proof-rejected', 'the delegate of a key (EIP-7702)')
  t.ok((await answer(key, ofKey.id, ofKey.given)).receipt)
})

const withApp = async (who: Person, stepUpId?: string) => {
  const begun = await gateway.call(beginTotp, { ...by(who), ...stepUpId !== undefined && { step_up: stepUpId } }, ask)
  const secret = base32nopad.decode(begun.secret)
  await gateway.call(confirmTotp, { ...by(who), factor_id: begun.factor_id, code: codeAt(secret, stepAt(new Date())) }, ask)
  return { appId: begun.factor_id, secret }
}
const byApp = async (who: Person, { appId, secret }: { appId: string, secret: Uint8Array }, about: StepUpAction): Promise<string> => {
  await db.collection<{ _id: string }>('factors').updateOne({ _id: appId }, { $set: { last_step: 0 } })
  const id = await question(who, about)
  await gateway.call(verifyStepUp, { ...by(who), challenge_id: id, proof: { factor_id: appId, code: codeAt(secret, stepAt(new Date())) } }, ask)
  return id
}

t.test('a wallet comes beside others on a proof that showed it, or, where nothing shows anything, with another root; so does an address beside it', async (t) => {
  const owner = await enrol()
  const root = await rootOf(owner)
  t.equal(await refusal(begin(owner, evmWallet())), 'step-up-required', 'beside a factor, on nobody\'s word')
  const secondWallet = walletOf('solana')
  const twice = await stepUp(owner, adding(secondWallet))
  const other = await enrol(secondWallet, owner, { step_up: twice })
  t.equal(await rootOf(owner), root)
  t.equal(await refusal(begin(owner, evmWallet(), { step_up: twice })), 'step-up-required', 'used once')
  t.equal((await gateway.call(listFactors, { user_id: owner.userId }, ask)).factors.length, 2, 'several wallets')

  const app = await withApp(owner, await stepUp(owner, { type: 'factors.add_totp', resource_id: '-' }))
  const third = evmWallet()
  t.equal(await refusal(begin(owner, third, { step_up: await byApp(owner, app, adding(third)) })), 'state-conflict', 'an app showed nothing')
  const address = newAddress()
  const emailBy = async (id: string) => await house.begin({ ...by(owner), email: address, step_up: id })
  t.equal(await refusal(emailBy(await byApp(owner, app, { type: 'factors.add_email', resource_id: address }))), 'state-conflict')
  const { challenge_id: id } = await emailBy(await stepUp(other, { type: 'factors.add_email', resource_id: address }))
  await house.confirm({ ...by(owner), challenge_id: id, code: await mails.code(address) })
  t.equal(await rootOf(owner), root, 'an address on the proof of a wallet')

  const plain = newUser()
  const own = await withApp(plain)
  const before = await rootOf(plain)
  const wallet = evmWallet()
  await enrol(wallet, plain, { step_up: await byApp(plain, own, adding(wallet)) })
  t.not(await rootOf(plain), before, 'another root')
  t.match((await signer.call(describeFactors, { user_id: plain.userId }, ask)).factors, [{ kind: 'totp' }, { kind: 'wallet', masked: wallet.address }])
})

t.test('of first enrolments that race one makes the root; a beginning that is repeated answers alike', async (t) => {
  const who = newUser()
  const wallets = Array.from({ length: 5 }, () => evmWallet())
  const sessions = wallets.map((wallet) => ({ wallet, who: { ...who, sessionId: newId('ses') } }))
  const begun = await Promise.all(sessions.map(async ({ wallet, who }) => ({ who, wallet, ...await begin(who, wallet) })))
  const outcomes = await Promise.all(begun.map(async ({ who, wallet, factor_id: id, sign }) => refusal(confirm(who, id, await wallet.sign(sign)))))
  t.same(outcomes.toSorted(), ['none', 'proof-rejected', 'proof-rejected', 'proof-rejected', 'proof-rejected'])
  t.equal((await gateway.call(listFactors, { user_id: who.userId }, ask)).factors.length, 1)

  const fresh = newUser()
  const wallet = evmWallet()
  const replies = await Promise.all(Array.from({ length: 5 }, () => begin(fresh, wallet, {}, `cmd_${fresh.userId}`)))
  t.equal(new Set(replies.map(({ factor_id: id }) => id)).size, 1)
  for (const reply of replies) t.same(reply, replies[0])
})

t.test('a wallet is renamed by its session and goes by its own signature; the last one takes the root along', async (t) => {
  const owner = await enrol()
  t.match(await gateway.call(renameFactor, { user_id: owner.userId, factor_id: owner.factorId, name: 'Cold one' }, ask), { factor: { label: 'Cold one' } })
  const pending = await signed(owner)
  const removal = await stepUp(owner, { type: 'factors.remove', resource_id: owner.factorId })
  t.same(await gateway.call(removeFactor, { ...by(owner), factor_id: owner.factorId, step_up: removal }, ask), { factors_left: 0 })
  t.equal(await refusal(answer(owner, pending.id, pending.given)), 'proof-rejected', 'it is no factor any more')
  t.equal(await refusal(signer.call(describeFactors, { user_id: owner.userId }, ask)), 'factor-required')
  t.ok(await enrol(owner.wallet, owner), 'and may become one again')
})

t.test('the examples of the API\'s description are what this service asks, and their signatures are right', async (t) => {
  const exampleOf = <T>(schema: unknown): T => (schema as { examples: [T] }).examples[0]
  for (const [asking, answering] of [[beginWalletFactor, confirmWalletFactor], [askWalletOfStepUp, answerStepUpByWallet]] as const) {
    const { sign: { address, typed_data: typedData } } = exampleOf<{ sign: WalletRequest }>(asking.reply)
    const { signature } = exampleOf<Answer>(answering.body)
    if (typedData === undefined) throw new Error('no typed data in the example')
    t.match(await verifiers.evm({ typedData, signature, address, chainId: 1 }), { valid: true, method: 'eoa' })
    const { action: first, details, notice, issuedAt, expiresAt, ...rest } = typedData.message
    const text = [first, ...details.map(({ name, value }) => `${name}: ${value}`), notice].join('\n')
    t.same(typedData, confirmationTypedData({ text, ...rest, issuedAt: new Date(issuedAt), expiresAt: new Date(expiresAt) }, 1))
  }
})

t.test('no signature stands in a log or an audit row', async (t) => {
  const owner = await enrol()
  const { id, given } = await signed(owner)
  await answer(owner, id, given)
  await until(() => allLogs().includes(id), { what: 'the log line' })
  t.notOk(allLogs().includes(given.signature.slice(2, 60)))
  const rows = JSON.stringify(await db.collection('audit').find({ subject: { $in: [id, owner.userId] } }).toArray())
  t.ok(rows.includes(id))
  t.notOk(rows.includes(given.signature.slice(2, 60)) || rows.includes(owner.wallet.address))
})
