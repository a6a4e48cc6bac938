/** Questions of the signer, answered by every kind of factor; and an answer to one question answers no other one, whoever asks it. */
import { createHash } from 'node:crypto'
import {
  answerByWallet, answerChallengeByPasskey, answerChallengeByWallet, askPasskeyOfChallenge, askWallet, askWalletOfChallenge, beginPasskey, beginPasskeyStepUp, beginSms, beginStepUp, beginTotp, beginWallet,
  confirmPasskey, confirmSms, confirmTotp, confirmWallet, createChallenge, describeFactors, listFactors, mailSealContext, makeRecoveryCodes, receiptForSigner, resendChallenge, sendStepUp, smsFromOtp, SmsContent, verifyChallenge, verifyPasskeyStepUp, verifyStepUp,
  type ConfirmationTypedData, type FactorKind, type MailPayload, type PayloadOf, type RequestOf, type StepUpAction
} from '@countersign/contracts'
import { jobConnection, startWorker } from '@countersign/redis'
import { newId } from '@countersign/runtime'
import { open as openSeal } from '@countersign/secrets'
import { newWallets, until } from '@countersign/testing'
import { base32nopad } from '@scure/base'
import t from 'tap'
import { Value } from 'typebox/value'
import { generatePrivateKey, privateKeyToAccount, type PrivateKeyAccount } from 'viem/accounts'
import { codeAt, stepAt } from '../src/totp/totp.ts'
import { newAddress, newUser, openHouse, refusal, wrong } from './open-otp.ts'
import { softwareAuthenticator } from './software-authenticator.ts'

const house = await openHouse(t, { SMS_COUNTRIES: 'CH', SMS_SENDS_PER_NUMBER_PER_DAY: '1000', OTP_SIGNATURES_PER_MINUTE: '100000', PUBLIC_URL: 'http://localhost:8000' })
const { db, gateway, signer, mails, ask } = house
const texts: SmsContent[] = []
const sms = startWorker(smsFromOtp, {
  ...house.io,
  connection: jobConnection(house.redis.url, 'email-worker'),
  handle: async (payload: MailPayload) => {
    texts.push(Value.Parse(SmsContent, JSON.parse(openSeal({ key: Buffer.from(house.env.MAIL_SEAL_KEY, 'base64url'), sealed: payload.sealed, associated: mailSealContext(smsFromOtp.name, payload) }).toString())))
  }
})
t.teardown(sms.close)
const jobs: PayloadOf<typeof receiptForSigner>[] = []
const receiptJobs = startWorker(receiptForSigner, { ...house.io, connection: jobConnection(house.redis.url, 'signer-service'), handle: async (payload) => { jobs.push(payload) } })
t.teardown(receiptJobs.close)

interface Person { readonly userId: string, readonly sessionId: string }
const by = ({ userId, sessionId }: Person) => ({ user_id: userId, session_id: sessionId })
const once = () => ({ ...ask, commandId: `cmd_${newId('idk')}` })
const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex')
const typed = (data: ConfirmationTypedData | undefined) => data as unknown as Parameters<PrivateKeyAccount['signTypedData']>[0]
let numbers = 2_000_000

/** One user with a factor of every kind: the first by its own proof, the others on the proof of the mailbox. */
async function openPerson () {
  const user = await house.enrol()
  const ids = by(user)
  const proof = async (type: StepUpAction['type'], resource: string, words: string): Promise<string> => {
    const { challenge_id: id } = await gateway.call(beginStepUp, { ...ids, action: { type, resource_id: resource } }, once())
    await gateway.call(sendStepUp, { ...ids, challenge_id: id, factor_id: user.factorId }, once())
    await gateway.call(verifyStepUp, { ...ids, challenge_id: id, proof: { factor_id: user.factorId, code: await mails.code(user.address, words) } }, once())
    return id
  }

  const account = privateKeyToAccount(generatePrivateKey())
  const wallet = await gateway.call(beginWallet, { ...ids, family: 'evm', address: account.address, step_up: await proof('factors.add_wallet', `evm:${account.address}`, account.address) }, once())
  await gateway.call(confirmWallet, { ...ids, factor_id: wallet.factor_id, signature: await account.signTypedData(typed(wallet.sign.typed_data)) }, once())
  const number = `+4179${++numbers}`
  const texting = await gateway.call(beginSms, { ...ids, phone_number: number, step_up: await proof('factors.add_sms', number, number) }, once())
  const { factor: phone } = await gateway.call(confirmSms, { ...ids, challenge_id: texting.challenge_id, code: await textTo(number) }, once())
  const app = await gateway.call(beginTotp, { ...ids, step_up: await proof('factors.add_totp', '-', 'Add an authenticator app') }, once())
  const secret = base32nopad.decode(app.secret)
  await gateway.call(confirmTotp, { ...ids, factor_id: app.factor_id, code: codeAt(secret, stepAt(new Date())) }, once())
  const authenticator = softwareAuthenticator()
  const passkey = await gateway.call(beginPasskey, { ...ids, account: 'ada', step_up: await proof('factors.add_passkey', '-', 'Add a passkey') }, once())
  await gateway.call(confirmPasskey, { ...ids, factor_id: passkey.factor_id, credential: authenticator.create(passkey.options) }, once())
  const list = await gateway.call(makeRecoveryCodes, { ...ids, step_up: await proof('factors.make_recovery_codes', '-', 'Make new recovery codes') }, once())
  const factors: Record<FactorKind, string> = { email_code: user.factorId, sms: phone.id, wallet: wallet.factor_id, passkey: passkey.factor_id, totp: app.factor_id, recovery_codes: list.factor.id }
  return { ...user, account, number, secret, authenticator, codes: [...list.codes], factors }
}
const textTo = async (number: string, textHas = ''): Promise<string> =>
  (await until(() => texts.findLast(({ to, parameters }) => to === number && parameters.text.includes(textHas)), { what: 'a text message', timeoutMs: 30_000 })).parameters.code

const all: readonly FactorKind[] = ['email_code', 'sms', 'wallet', 'passkey', 'totp', 'recovery_codes']
const shown: readonly FactorKind[] = ['email_code', 'sms', 'wallet']
const ada = await openPerson()
const rewind = () => db.collection<{ _id: string }>('factors').updateOne({ _id: ada.factors.totp }, { $set: { last_step: 0 } })

/** A question of the signer. */
const open = async (more: Partial<RequestOf<typeof createChallenge>> = {}, who: Person & { readonly factorRoot: string } = ada) => {
  const reference = newId('tx')
  const request = house.transaction({ ...ada, ...who }, { text: `Send 1 ETH\nTransaction: ${reference}`, short_text: `Send 1 ETH, ${reference}`, factor_kinds: [...all], ...more })
  return { request, id: request.challenge_id, reference, view: await signer.call(createChallenge, request, once()) }
}
type Opened = Awaited<ReturnType<typeof open>>
const asked = (id: string, who: Person = ada) => ({ challenge_id: id, ...by(who) })

/** How each kind answers, as the signer hands it over. */
const answers: Record<FactorKind, (question: Opened) => Promise<{ receipt: string }>> = {
  email_code: async ({ id, reference }) => await signer.call(verifyChallenge, { ...asked(id), code: await mails.code(ada.address, reference) }, once()),
  sms: async ({ id, reference }) => {
    const sent = await signer.call(resendChallenge, { ...asked(id), factor_id: ada.factors.sms }, once())
    if (!sent.sent_to.startsWith('+41')) throw new Error(`sent to ${sent.sent_to}`)
    return await signer.call(verifyChallenge, { ...asked(id), factor_id: ada.factors.sms, code: await textTo(ada.number, reference) }, once())
  },
  wallet: async ({ id }) => {
    const { sign } = await signer.call(askWalletOfChallenge, { ...asked(id), factor_id: ada.factors.wallet }, once())
    return await signer.call(answerChallengeByWallet, { ...asked(id), factor_id: ada.factors.wallet, signature: await ada.account.signTypedData(typed(sign.typed_data)) }, once())
  },
  passkey: async ({ id }) => {
    const { options } = await signer.call(askPasskeyOfChallenge, asked(id), once())
    return await signer.call(answerChallengeByPasskey, { ...asked(id), credential: ada.authenticator.get(options) }, once())
  },
  totp: async ({ id }) => {
    await rewind()
    return await signer.call(verifyChallenge, { ...asked(id), factor_id: ada.factors.totp, code: codeAt(ada.secret, stepAt(new Date())) }, once())
  },
  recovery_codes: async ({ id }) => await signer.call(verifyChallenge, { ...asked(id), factor_id: ada.factors.recovery_codes, code: ada.codes.pop() ?? '' }, once())
}

for (const kind of all) {
  t.test(`${kind} answers the signer's question once, and the receipt says what it showed`, async (t) => {
    const question = await open()
    const { receipt } = await answers[kind](question)
    const claims = await house.receipts.verify(receipt)
    t.match(claims, {
      aud: 'signer-service', purpose: 'transaction', challenge_id: question.id, sub: ada.userId, factor_root: ada.factorRoot, factor_kind: kind, shown: shown.includes(kind),
      action_digest: question.request.action_digest, text_sha256: sha256((kind === 'sms' ? question.request.short_text : question.request.text) ?? '')
    })
    await until(() => jobs.some((job) => job.receipt === receipt), { what: 'the receipt by its job', timeoutMs: 30_000 })
    for (const again of all) t.not(await refusal(answers[again](question)), 'none', `nothing more is answered, by ${again} either`)
    t.equal(await db.collection('receipts').countDocuments({ challenge_id: question.id }), 1)
  })

  t.test(`a question that ${kind} may not answer is not answered by it`, async (t) => {
    const kinds = all.filter((one) => one !== kind)
    const question = await open({ factor_kinds: kinds })
    t.strictSame(question.view.factors.map((factor) => factor.kind).sort(), [...kinds].sort())
    // Its code would be right: of a mail that was sent for nothing it is not even there.
    if (kind === 'email_code') t.equal(question.view.sent_to, undefined)
    else t.not(await refusal(answers[kind](question)), 'none')
    t.equal(await db.collection('receipts').countDocuments({ challenge_id: question.id }), 0)
    t.ok((await answers[kind === 'passkey' ? 'wallet' : 'passkey'](question)).receipt, 'others answer it')
  })
}

t.test('what confirms one thing confirms no other: not for another asker, user, session, question or kind', async (t) => {
  const [first, second] = [await open(), await open()]
  const stranger = await house.enrol()
  const elsewhere = { ...ada, sessionId: newId('ses') }
  const { challenge_id: stepUp } = await gateway.call(beginStepUp, { ...by(ada), action: { type: 'api_keys.rotate', resource_id: newId('key') } }, once())
  const code = await mails.code(ada.address, first.reference)
  const walletOf = async (id: string) => await ada.account.signTypedData(typed((await signer.call(askWalletOfChallenge, { ...asked(id), factor_id: ada.factors.wallet }, once())).sign.typed_data))
  const stepUpSignature = await ada.account.signTypedData(typed((await gateway.call(askWallet, { ...by(ada), challenge_id: stepUp, factor_id: ada.factors.wallet }, once())).sign.typed_data))
  const passkeyOf = async (id: string) => ada.authenticator.get((await signer.call(askPasskeyOfChallenge, asked(id), once())).options)
  const stepUpAssertion = ada.authenticator.get((await gateway.call(beginPasskeyStepUp, { ...by(ada), challenge_id: stepUp }, once())).options)
  const [signature, assertion] = [await walletOf(first.id), await passkeyOf(first.id)]
  const wallet = (id: string, given: string, who: Person = ada) => signer.call(answerChallengeByWallet, { ...asked(id, who), factor_id: ada.factors.wallet, signature: given }, once())
  const passkey = (id: string, credential: RequestOf<typeof verifyPasskeyStepUp>['credential'], who: Person = ada) => signer.call(answerChallengeByPasskey, { ...asked(id, who), credential }, once())
  const byCode = (id: string, factorId: string | undefined, given: string, who: Person = ada) => signer.call(verifyChallenge, { ...asked(id, who), ...factorId !== undefined && { factor_id: factorId }, code: given }, once())

  const tries: [string, () => Promise<unknown>][] = [
    ['a code for another question', () => byCode(second.id, undefined, code)],
    ['a code in another session', () => byCode(first.id, undefined, code, elsewhere)],
    ['a code of another user', () => byCode(first.id, undefined, code, stranger)],
    ['a mailed code as one of a text message', () => byCode(first.id, ada.factors.sms, code)],
    ['a mailed code as one of an app', () => byCode(second.id, ada.factors.totp, code)],
    ['a signature for another question', () => wallet(second.id, signature)],
    ['a signature in another session', () => wallet(first.id, signature, elsewhere)],
    ['a signature of another user', () => wallet(first.id, signature, stranger)],
    ['a signature for the gateway', () => wallet(first.id, stepUpSignature)],
    ['a signature as a code', () => byCode(second.id, ada.factors.wallet, '123456')],
    ['a passkey for another question', () => passkey(second.id, assertion)],
    ['a passkey in another session', () => passkey(first.id, assertion, elsewhere)],
    ['a passkey of another user', () => passkey(first.id, assertion, stranger)],
    ['a passkey for the gateway', () => passkey(first.id, stepUpAssertion)],
    ['a passkey as a code', () => byCode(second.id, ada.factors.passkey, '123456')],
    ['the signer\'s code at the gateway\'s door', () => gateway.call(verifyStepUp, { ...by(ada), challenge_id: first.id, proof: { factor_id: ada.factorId, code } }, once())],
    ['the signer\'s signature at the gateway\'s door', () => gateway.call(answerByWallet, { ...by(ada), challenge_id: first.id, factor_id: ada.factors.wallet, signature }, once())],
    ['the signer\'s assertion at the gateway\'s door', () => gateway.call(verifyPasskeyStepUp, { ...by(ada), challenge_id: first.id, credential: assertion }, once())],
    ['the signer\'s question, asked by the gateway', () => gateway.call(askWallet, { ...by(ada), challenge_id: first.id, factor_id: ada.factors.wallet }, once())],
    ['a step-up, asked by the signer', () => signer.call(askWalletOfChallenge, { ...asked(stepUp), factor_id: ada.factors.wallet }, once())],
    ['a step-up, answered by the signer', () => wallet(stepUp, stepUpSignature)],
    ['a step-up, sent by the signer', () => signer.call(resendChallenge, { ...asked(stepUp), factor_id: ada.factorId }, once())],
    ['the signer\'s own commands on the gateway\'s list', () => gateway.call({ ...answerChallengeByWallet, callers: ['auth-gateway'] }, { ...asked(first.id), factor_id: ada.factors.wallet, signature }, once())]
  ]
  for (const [what, call] of tries) t.ok(await call().then(() => false, () => true), what)
  t.equal(await db.collection('receipts').countDocuments({ challenge_id: { $in: [first.id, second.id, stepUp] } }), 0)
  t.ok((await wallet(first.id, signature)).receipt, 'and nobody used it up')
})

t.test('a wallet shows the action on its own screen, and what it was given stays right when a code is sent meanwhile', async (t) => {
  const end = new Date(Date.now() + 900_000).toISOString()
  const { id, reference, request } = await open({ action_ends_at: end })
  const { sign } = await signer.call(askWalletOfChallenge, { ...asked(id), factor_id: ada.factors.wallet }, once())
  t.match(sign.typed_data?.message, { action: 'Send 1 ETH', details: [{ name: 'Transaction', value: reference }], purpose: 'transaction', nonce: id, digest: request.action_digest, account: ada.userId, expiresAt: end })
  await signer.call(resendChallenge, { ...asked(id), factor_id: ada.factors.sms }, once())
  await signer.call(resendChallenge, { ...asked(id), factor_id: ada.factors.email_code }, once())
  t.same((await signer.call(askWalletOfChallenge, { ...asked(id), factor_id: ada.factors.wallet }, once())).sign, sign)
  t.ok((await signer.call(answerChallengeByWallet, { ...asked(id), factor_id: ada.factors.wallet, signature: await ada.account.signTypedData(typed(sign.typed_data)) }, once())).receipt)
})

t.test('whoever has no mailbox is asked all the same, and without a factor that counts there is no question', async (t) => {
  const who = newUser()
  const own = newWallets.solana()
  const begun = await gateway.call(beginWallet, { ...by(who), family: 'solana', address: own.address }, once())
  await gateway.call(confirmWallet, { ...by(who), factor_id: begun.factor_id, ...await own.sign(begun.sign.message ?? '') as { signature: string } }, once())
  const { factor_root: factorRoot } = await signer.call(describeFactors, { user_id: who.userId }, once())
  const { id, view, reference } = await open({}, { ...who, factorRoot })
  t.match(view, { factors: [{ id: begun.factor_id, kind: 'wallet', shown: true }], attempts_left: 3 })
  t.equal(view.sent_to, undefined)
  const { sign } = await signer.call(askWalletOfChallenge, { ...asked(id, who), factor_id: begun.factor_id }, once())
  t.match(sign.message, reference)
  t.ok((await signer.call(answerChallengeByWallet, { ...asked(id, who), factor_id: begun.factor_id, ...await own.sign(sign.message ?? '') as { signature: string } }, once())).receipt)
  t.equal(await refusal(open({ factor_kinds: ['email_code'] }, { ...who, factorRoot })), 'factor-required')
  t.equal(await refusal(open({}, { ...newUser(), factorRoot })), 'factor-required')
  t.equal(await refusal(open({}, { ...who, factorRoot: ada.factorRoot })), 'not-permitted')
})

t.test('what a text message has no room for is not confirmed by one, and a question is quiet where the user chose a factor', async (t) => {
  const { short_text: _short, ...long } = house.transaction(ada, { factor_kinds: [...all], quiet: true })
  const view = await signer.call(createChallenge, long, once())
  t.notOk(view.factors.some(({ kind }) => kind === 'sms'))
  t.equal(view.sent_to, undefined)
  t.equal(await refusal(signer.call(resendChallenge, { ...asked(long.challenge_id), factor_id: ada.factors.sms }, once())), 'state-conflict')
  t.equal(await refusal(signer.call(resendChallenge, { ...asked(long.challenge_id), factor_id: ada.factors.totp }, once())), 'state-conflict')
  t.equal(await refusal(signer.call(resendChallenge, asked(long.challenge_id), once())), 'not-found', 'no code went anywhere yet')
  t.same(await signer.call(createChallenge, long, once()), view, 'asked again it is the same')
  t.equal(await refusal(signer.call(createChallenge, { ...long, factor_kinds: ['totp'] }, once())), 'state-conflict', 'with other kinds it is another')
  t.equal((await signer.call(resendChallenge, { ...asked(long.challenge_id), factor_id: ada.factors.email_code }, once())).sent_to.startsWith('p'), true)
})

t.test('a stranger who uses up what a mailbox may get, or the account\'s wrong codes, keeps nobody from a wallet', async (t) => {
  const limited = await openHouse(t, { OTP_SENDS_PER_MINUTE: '3', OTP_SENDS_PER_HOUR: '3' })
  const user = await limited.enrol(newAddress())
  const account = privateKeyToAccount(generatePrivateKey())
  const ids = by(user)
  const { challenge_id: stepUp } = await limited.gateway.call(beginStepUp, { ...ids, action: { type: 'factors.add_wallet', resource_id: `evm:${account.address}` } }, once())
  await limited.gateway.call(sendStepUp, { ...ids, challenge_id: stepUp, factor_id: user.factorId }, once())
  await limited.gateway.call(verifyStepUp, { ...ids, challenge_id: stepUp, proof: { factor_id: user.factorId, code: await limited.mails.code(user.address, account.address) } }, once())
  const begun = await limited.gateway.call(beginWallet, { ...ids, family: 'evm', address: account.address, step_up: stepUp }, once())
  await limited.gateway.call(confirmWallet, { ...ids, factor_id: begun.factor_id, signature: await account.signTypedData(typed(begun.sign.typed_data)) }, once())

  const ask3 = () => limited.signer.call(createChallenge, limited.transaction(user), once())
  const views = [await ask3(), await ask3(), await ask3(), await ask3()]
  t.equal(views.at(-1)?.sent_to, undefined, 'no further mail')
  t.equal(await refusal(limited.signer.call(createChallenge, limited.transaction(user, { factor_kinds: ['email_code'] }), once())), 'send-limited')
  for (let tries = 0; tries < 4; tries++) for (const { challenge_id: id } of views.slice(0, 3)) await refusal(limited.signer.call(verifyChallenge, { challenge_id: id, ...ids, code: wrong('000000') }, once()))
  const last = await ask3()
  const { sign } = await limited.signer.call(askWalletOfChallenge, { challenge_id: last.challenge_id, ...ids, factor_id: begun.factor_id }, once())
  t.ok((await limited.signer.call(answerChallengeByWallet, { challenge_id: last.challenge_id, ...ids, factor_id: begun.factor_id, signature: await account.signTypedData(typed(sign.typed_data)) }, once())).receipt)
})

t.test('the operator sees every factor under the root that is granted', async (t) => {
  const { factors } = await signer.call(describeFactors, { user_id: ada.userId }, once())
  t.strictSame(factors.map(({ kind }) => kind).sort(), [...all].sort())
  t.equal(factors.find(({ kind }) => kind === 'wallet')?.masked, ada.account.address)
  t.notMatch(JSON.stringify(factors), ada.number)
  t.equal((await gateway.call(listFactors, { user_id: ada.userId }, once())).factors.length, all.length)
})
