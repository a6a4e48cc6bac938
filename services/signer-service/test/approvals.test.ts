/** Approvals and changes of the policy by EIP-712 signatures, over commands of a gateway, on real parts. */
import t from 'tap'
import {
  changePolicy, createTransaction, draftPolicy, explainPolicy, giveApproval, problems, readApprovals, readPolicies, type ApprovalsView, type SignableData
} from '@countersign/contracts'
import { createCli, newId } from '@countersign/runtime'
import { until } from '@countersign/testing'
import { recoverTypedDataAddress } from 'viem'
import { generatePrivateKey, privateKeyToAccount, type PrivateKeyAccount } from 'viem/accounts'
import { missingOf } from '../src/approvals/missing.ts'
import { checksummed } from '../src/chain/address.ts'
import { policyCommands } from '../src/operator/policy-commands.ts'
import { principalCommands } from '../src/operator/principal-commands.ts'
import { createPolicyRepository } from '../src/policies/policy-repository.ts'
import { createSetPolicy } from '../src/policies/set-policy.ts'
import { validatePolicy } from '../src/policies/validate-policy.ts'
import { createGrantPrincipal, type Grant } from '../src/principals/grant-principal.ts'
import { createPrincipalRepository } from '../src/principals/principal-repository.ts'
import { keptBy, personsBeside, type Principal } from '../src/principals/principal.ts'
import { createWalletRepository } from '../src/wallets/wallet-repository.ts'
import { ether, openWorld, patienceMs, type House } from './house.ts'

const world = await openWorld(t, { blockTime: 1 })
const denied = { kind: problems.notPermitted } as unknown as Error
const conflict = { kind: problems.stateConflict } as unknown as Error

const setRules = async (house: House, ...rules: object[]): Promise<void> => {
  await house.withParts(async (parts) => {
    await createSetPolicy({ ...parts, policies: createPolicyRepository(parts.mongo.db), newPolicyId: () => newId('pol') })(validatePolicy({ rules }, checksummed))
  })
}
const grant = async (house: House, given: Grant): Promise<unknown> => await house.withParts(async (parts) =>
  await createGrantPrincipal({ ...parts, principals: createPrincipalRepository(parts.mongo.db), wallets: createWalletRepository(parts.mongo.db) })(given))
interface Person { readonly id: string, readonly account: PrivateKeyAccount }
const person = (): Person => ({ id: newId('usr'), account: privateKeyToAccount(generatePrivateKey()) })
const approver = async (house: House): Promise<Person> => {
  const one = person()
  await grant(house, { userId: one.id, walletIds: [house.wallet.id], may: ['approve'], approverKeys: [one.account.address] })
  return one
}
const sign = async ({ account }: Person, data: SignableData): Promise<string> => await account.signTypedData(data as never)
const ask = async (house: House, value = 1n): Promise<string> => (await house.call(createTransaction, {
  ...house.asking, idempotency_key: newId('idk'), transfer: { wallet_id: house.wallet.id, chain_id: 31337, to: house.destination(0), value: value.toString() }
})).transaction.id
const see = async (house: House, id: string, userId = house.userId): Promise<ApprovalsView> => await house.call(readApprovals, { user_id: userId, id })
const say = async (house: House, one: Person, id: string, decision: 'approve' | 'reject' = 'approve'): Promise<ApprovalsView> =>
  await house.call(giveApproval, { user_id: one.id, id, decision, signature: await sign(one, (await see(house, id))[decision]) })
const rule = (house: House, require: object) => ({ name: 'approved', effect: 'allow', wallets: [house.wallet.id], destinations: 'any', max_value: ether.toString(), require })

t.test('persons are told apart by id, keys and factors, and each counts once', async (t) => {
  const one = (id: string, approverKeys: string[] = [], factorRoot: string | null = null): Principal => ({ id, kind: 'user', factorRoot, may: ['approve'], wallets: [], approverKeys, intentKey: null, grantedAt: new Date() })
  const ada = one('ada', ['k0'], 'root')
  t.equal(personsBeside({ ...ada, factorAccounts: ['k1'] }, [one('bo', ['k1']), one('cy', ['k2'])]), 1, 'a wallet that confirms for one and approves for another')
  t.equal(personsBeside(ada, [{ ...one('bo', ['k1']), factorAccounts: ['k2'] }, one('cy', ['k2'])]), 1)
  const intentKey = { kty: 'OKP', crv: 'Ed25519', x: 'x' } as const
  t.equal(personsBeside({ ...ada, intentKey }, [{ ...one('bo', ['k1']), intentKey }]), 0, 'two programs of one key')
  t.equal(personsBeside(ada, [one('bo', ['k1']), one('cy', ['k2'])]), 2)
  t.equal(personsBeside(ada, [one('bo', ['k1']), one('cy', ['k1', 'k2'])]), 1)
  t.equal(personsBeside(ada, [one('bo', ['k1']), one('cy', ['k2']), one('dan', ['k1', 'k2'])]), 1, 'who is one person with two makes one of them')
  t.equal(personsBeside(ada, [ada, one('bo', ['k0']), one('cy', [], 'root')]), 0)
  const requirements = { proof: { shownKinds: ['email_code' as const], unshownKinds: ['totp' as const], programs: true, leastAgeSeconds: 9 }, approvals: [{ least: 1, of: ['bo'] }], delaySeconds: 5, waitSeconds: undefined }
  const given = { proof: null, approvers: [], initiator: ada, waitedMs: 4_999 }
  t.strictSame(missingOf({ proof: undefined, approvals: [], delaySeconds: 0, waitSeconds: undefined }, { ...given, waitedMs: -5 }), [], 'who waits for no time is not held up by a clock')
  t.strictSame(missingOf(requirements, given), ['proof', 'approvals', 'delay'])
  const proof = { receiptId: 'r', kind: 'email_code' as const, shown: true, ageSeconds: 9, root: 'root' }
  t.strictSame(missingOf(requirements, { ...given, proof, approvers: [one('bo')], waitedMs: 5_000 }), [])
  t.strictSame(missingOf(requirements, { ...given, proof: { ...proof, shown: false }, approvers: [one('cy')], waitedMs: 5_000 }), ['proof', 'approvals'])
  t.strictSame(missingOf(requirements, { ...given, proof: { ...proof, kind: 'totp', shown: false }, approvers: [one('bo')], waitedMs: 5_000 }), [])
  t.strictSame(missingOf(requirements, { ...given, proof: { ...proof, root: 'old root' }, approvers: [one('bo')], waitedMs: 5_000 }), ['proof'], 'a proof of who the initiator was before')
  const byProgram = { ...given, proof: { ...proof, kind: 'service_key' as const }, approvers: [one('bo')], waitedMs: 5_000 }
  t.strictSame(missingOf(requirements, byProgram), [])
  t.strictSame(missingOf({ ...requirements, proof: { ...requirements.proof, programs: false } }, byProgram), ['proof'], 'a program is no factor')
  t.strictSame(missingOf(requirements, { ...given, proof: { ...proof, ageSeconds: 8 }, approvers: [one('bo')], waitedMs: 5_000 }), ['proof'])
})

t.test('two of three approve by signatures that anybody can check, and the transfer goes; one alone, strangers and the initiator move nothing', async (t) => {
  const house = await world.house(t)
  const [bo, cy, dan, eve] = [await approver(house), await approver(house), await approver(house), await approver(house)] as const
  await setRules(house, rule(house, { approvals: { least: 2, of: [bo.id, cy.id, dan.id, house.userId] } }))
  await house.start()
  const id = await ask(house)
  t.equal(house.otp.challenges.size, 0, 'nobody is mailed a code that is not wanted')
  const shown = await see(house, id, bo.id)
  t.match(shown, { state: 'awaiting_confirmation', missing: ['approvals'], wanted: [{ least: 2 }], given: [], approve: { primaryType: 'TransactionApproval', message: { decision: 'approve', transaction: id, text: /^Send / } } })
  await t.rejects(see(house, id, newId('usr')), { kind: problems.notFound } as unknown as Error)

  await t.rejects(say(house, person(), id), denied, 'a key of nobody')
  await t.rejects(say(house, eve, id), { ...denied, message: /No rule that has a say here names this principal/ } as unknown as Error)
  await t.rejects(house.call(giveApproval, { user_id: bo.id, id, decision: 'approve', signature: await sign(bo, shown.reject) }), denied, 'a signature over something else is somebody else\'s')
  await t.rejects(house.call(giveApproval, { user_id: bo.id, id, decision: 'approve', signature: `0x${'00'.repeat(65)}` }), { kind: problems.proofRejected } as unknown as Error)
  t.equal((await say(house, bo, id)).state, 'awaiting_confirmation')
  t.equal((await say(house, bo, id)).given.length, 1, 'said twice it counts once')

  const keyOfAda = person()
  await grant(house, { userId: house.userId, walletIds: [house.wallet.id], may: ['approve'], approverKeys: [keyOfAda.account.address] })
  await t.rejects(say(house, { ...keyOfAda, id: house.userId }, id), { ...denied, message: /never approves it/ } as unknown as Error)
  await t.rejects(grant(house, { userId: dan.id, walletIds: [house.wallet.id], may: ['approve'], approverKeys: [keyOfAda.account.address] }), /is a key of/)
  const kim = await approver(house)
  house.otp.switches.wallets.set(house.userId, [kim.account.address.toLowerCase()])
  await t.rejects(say(house, kim, id), { ...denied, message: /never approves it/ } as unknown as Error, 'the wallet with which the initiator confirms')
  // Whatever wrote it, a key that is the initiator's too approves nothing for the initiator.
  const principals = house.db.collection<{ _id: string, approverKeys: string[], revokedAt: Date | null }>('principals')
  await principals.updateOne({ _id: dan.id }, { $set: { approverKeys: [keyOfAda.account.address] } })
  await t.rejects(say(house, { ...keyOfAda, id: dan.id }, id), { ...denied, message: /never approves it/ } as unknown as Error)

  // Who was revoked meanwhile has approved nothing.
  await principals.updateOne({ _id: bo.id }, { $set: { revokedAt: new Date() } })
  t.match(await say(house, cy, id), { state: 'awaiting_confirmation', missing: ['approvals'] })
  await principals.updateMany({ _id: { $in: [bo.id, dan.id] } }, { $set: { revokedAt: null } })
  await principals.updateOne({ _id: dan.id }, { $set: { approverKeys: [dan.account.address] } })
  const done = await say(house, dan, id)
  t.not(done.state, 'awaiting_confirmation')
  await house.reach(id, 'confirmed')
  for (const one of done.given) t.equal(await recoverTypedDataAddress({ ...done[one.decision], signature: one.signature } as never), one.key, 'verified with the typed data alone')
  t.strictSame(done.given.map(({ principal_id: principal }) => principal).sort(), [bo.id, cy.id, dan.id].sort())
  await t.rejects(say(house, dan, id, 'reject'), conflict)
  t.strictSame((await house.audit({ event: 'approval.refused' })).map(({ facts }) => (facts as { reason: string }).reason).slice(0, 2), ['not-permitted', 'proof-rejected'], 'attempts are written down, one of a kind a minute')
  t.match(await house.audit({ event: 'transaction.approved', subject: id }), [{ actor: dan.id, facts: { key: dan.account.address } }])
})

t.test('a proof and an approval are both wanted, in whatever order; twelve approvals in parallel make one transfer; a rejection ends it, then and later', async (t) => {
  const house = await world.house(t)
  const [bo, cy] = [await approver(house), await approver(house)] as const
  await setRules(house, rule(house, { shown_proof: true, approvals: { least: 1, of: [bo.id, cy.id] } }))
  await Promise.all([house.start(), house.start()])
  const first = await ask(house)
  t.match(await say(house, bo, first), { state: 'awaiting_confirmation', missing: ['proof'] })
  t.not((await house.confirm(first)).state, 'awaiting_confirmation')
  const second = await ask(house)
  t.match(await house.get(second), { missing: ['proof', 'approvals'] })
  t.match(await house.confirm(second), { state: 'awaiting_confirmation', missing: ['approvals'] })
  await Promise.all(Array.from({ length: 12 }, async (_none, index) => await say(house, index % 2 === 0 ? bo : cy, second).catch((error: unknown) => {
    // Whoever comes after the last that was missing is told so; a slow machine may not answer in time.
    if (![problems.stateConflict, problems.unavailable].includes((error as { kind?: never }).kind as never)) throw error
  })))
  await house.reach(first, 'confirmed')
  await house.reach(second, 'confirmed')
  t.equal((await house.sentOnChain()).length, 2)

  const third = await ask(house)
  await say(house, bo, third)
  t.match(await say(house, bo, third, 'reject'), { state: 'rejected' }, 'also by who had approved')
  t.match(await house.get(third), { failure: { code: 'rejected_by_approver' } })
  await house.confirm(third)
  t.equal((await house.row(third))?.state, 'rejected')

  await world.chain.request('anvil_setBalance', [house.wallet.address, '0x0'])
  const fourth = await ask(house)
  await say(house, bo, fourth)
  await house.confirm(fourth)
  await house.reach(fourth, 'approved')
  t.match(await say(house, cy, fourth, 'reject'), { state: 'cancelled', given: [{ decision: 'approve' }, { decision: 'reject' }] }, 'what was approved and has not gone')
  t.match(await house.audit({ event: 'transaction.cancelled', subject: fourth }), [{ actor: cy.id, facts: { key: cy.account.address } }])
})

t.test('the policy changes by an administrator\'s signature alone; of twenty changes at once one wins', async (t) => {
  const house = await world.house(t)
  const boss = person()
  await grant(house, { userId: boss.id, walletIds: [], may: ['administer'], approverKeys: [boss.account.address] })
  await Promise.all([house.start(), house.start()])
  const document = (index: number) => ({ rules: [rule(house, { shown_proof: true, delay_seconds: index + 1 })] })
  await t.rejects(house.call(readPolicies, { user_id: newId('usr') }), denied)
  await t.rejects(house.call(draftPolicy, { user_id: house.userId, document: document(0) as never }), denied, 'who may initiate may not administer')
  await t.rejects(house.call(draftPolicy, { user_id: boss.id, document: { rules: [rule(house, {})] } as never }), { kind: problems.schemaViolation, extensions: { faults: [{ path: 'body/document/rules/0/require' }] } } as unknown as Error)
  await t.rejects(house.call(draftPolicy, { user_id: boss.id, document: { rules: [{ ...rule(house, { shown_proof: true }), wallets: [newId('wal')] }] } as never }), { kind: problems.schemaViolation } as unknown as Error)

  const changes = await Promise.all(Array.from({ length: 20 }, async (_none, index) => {
    const draft = await house.call(draftPolicy, { user_id: boss.id, document: document(index) as never })
    return { user_id: boss.id, policy_id: draft.policy_id, version: draft.version, previous_sha256: draft.previous_sha256, valid_until: draft.valid_until, document: draft.document, signature: await sign(boss, draft.sign) }
  }))
  const [some, another] = changes as [typeof changes[0], typeof changes[0]]
  await t.rejects(house.call(changePolicy, { ...some, document: another.document }), denied, 'signed for another document')
  await t.rejects(house.call(changePolicy, { ...some, version: some.version + 1 }), denied, 'or for another version')
  await t.rejects(house.call(changePolicy, { ...some, signature: `0x${'00'.repeat(65)}` }), { kind: problems.proofRejected } as unknown as Error)

  const draft = await house.call(draftPolicy, { user_id: boss.id, document: document(7) as never })
  t.match(draft.sign.message['rules'], [/"destinations":"any".*"max_value":"\d+".*"delay_seconds":8/], 'the wallet shows every rule in full')
  for (const validUntil of [1, draft.valid_until - 7_200, draft.valid_until + 86_400]) {
    const signature = await sign(boss, { ...draft.sign, message: { ...draft.sign.message, valid_until: validUntil } })
    await t.rejects(house.call(changePolicy, { ...some, document: draft.document, valid_until: validUntil, signature }), { kind: problems.stateConflict } as unknown as Error, 'signed for another time than this')
  }
  await t.rejects(house.call(changePolicy, { ...some, valid_until: some.valid_until + 1 }), denied, 'or with another end')

  const outcomes = await Promise.allSettled(changes.map(async (change) => await house.call(changePolicy, change)))
  const won = outcomes.flatMap((one) => one.status === 'fulfilled' ? [one.value] : [])
  t.equal(won.length, 1)
  t.ok(outcomes.every((one) => one.status === 'fulfilled' || (one.reason as { kind: unknown }).kind === problems.stateConflict), 'the others are told that they came late')
  const winner = changes[outcomes.findIndex(({ status }) => status === 'fulfilled')] as typeof some
  t.strictSame(await house.call(changePolicy, winner), won[0], 'repeated it is the same change')
  t.match(await house.call(readPolicies, { user_id: boss.id }), { current: { version: 2, sha256: won[0]?.sha256 }, versions: [{ version: 2, set_by: boss.id }, { version: 1, set_by: 'operator' }] })
  t.match(await house.audit({ event: 'policy.set', actor: boss.id }), [{ facts: { version: 2, key: boss.account.address } }])

  const dry = { initiator: house.userId, wallet_id: house.wallet.id, chain_id: 31337, to: house.destination(0), value: '1' }
  t.match(await house.call(explainPolicy, { user_id: boss.id, transaction: dry }), {
    policy_version: 2, allowed: true, rule: 'approved', requirements: { factor_kinds: ['email_code'] }, rules: [{ name: 'approved', effect: 'allow', call: 1, says: 'allows it' }]
  })
  const strict = { rules: [{ name: 'no', effect: 'deny', destinations: [house.destination(1)] }, { ...rule(house, {}), max_fee_total: ether.toString(), windows: [{ per: 'wallet', seconds: 60, max_sum: '5', max_count: 9 }] }] }
  t.match(await house.call(explainPolicy, { user_id: boss.id, transaction: { ...dry, value: '6' }, document: strict as never }), {
    policy_version: null, allowed: false, rule: 'default', rules: [{ name: 'no', says: 'the destination is not in destinations' }, { says: /its window of 5 wei in 60 seconds per wallet has room for 5/ }]
  })
  t.match(await house.call(explainPolicy, { user_id: boss.id, transaction: { ...dry, data: '0x12345678' } }), { allowed: false, detail: /"approved": no method of the rule names its data/ })
  const words = { initiator: house.userId, wallet_id: house.wallet.id, text: 'We are who we say.' }
  t.match(await house.call(explainPolicy, { user_id: boss.id, signature: words }), { policy_version: 2, allowed: false, rule: 'default', rules: [{ name: 'approved', call: 1 }] })
  const saying = { rules: [{ ...rule(house, { shown_proof: true }), name: 'words', signatures: { texts: ['We are'] } }] }
  t.match(await house.call(explainPolicy, { user_id: boss.id, signature: words, document: saying as never }), { policy_version: null, allowed: true, rule: 'words' })
  t.match(await house.call(explainPolicy, { user_id: boss.id, signature: { ...words, text: 'They are' }, document: saying as never }), { allowed: false })
  for (const [asked, path] of [[{}, 'body'], [{ transaction: dry, signature: words }, 'body'], [{ signature: { ...words, text: '0x\u202e' } }, 'body/signature/text'], [{ signature: { ...words, wallet_id: newId('wal') } }, 'body/signature/wallet_id']] as const) {
    await t.rejects(house.call(explainPolicy, { user_id: boss.id, ...asked }), { extensions: { faults: [{ path }] } } as unknown as Error, path)
  }
  await t.rejects(house.call(explainPolicy, { user_id: newId('usr'), transaction: dry }), denied)

  const cli = async (...args: string[]) => {
    const said = { out: '', err: '' }
    const run = createCli({ name: 'signer', description: '', stdout: (text) => { said.out += text }, stderr: (text) => { said.err += text } })
      .add(...policyCommands(house.withParts), ...principalCommands(house.withParts))
    return { code: await run.run(['node', 'cli', ...args]), ...said }
  }
  const asking = ['policies', 'explain', '--initiator', house.userId, '--wallet', house.wallet.id, '--chain', '31337', '--to', house.destination(0)]
  t.match(await cli(...asking, '--value', '1'), { code: 0, out: /Allowed by the rule "approved"[\s\S]*allow {2}"approved": allows it/ })
  t.match(await cli(...asking, '--data', '0x12345678'), { code: 0, out: /No rule of the policy allows this transaction[\s\S]*no method of the rule names its data/ })
  t.match(await cli(...asking, '--data', '0x1'), { code: 2, err: /data/ })
  t.match(await cli(...asking, '--wallet', newId('wal')), { code: 1, err: /wallet_id is no wallet/ })
  const other = person()
  const granting = ['principals', 'grant', '--user', other.id, '--wallet', house.wallet.id, '--may', 'approve']
  t.match(await cli(...granting, '--yes'), { code: 1, err: /needs --approver-key/ })
  t.match(await cli(...granting, '--approver-key', '0x12', '--yes'), { code: 2 })
  t.match(await cli(...granting, '--approver-key', boss.account.address, '--yes'), { code: 1, err: /is a key of/ })
  t.match(await cli(...granting, '--approver-key', other.account.address, '--yes'), { code: 0, out: /may approve/ })
  t.match(await cli(...granting, '--approver-key', other.account.address, '--yes'), { code: 0, out: /granted before/ })
  t.match(await cli('principals', 'list'), { code: 0, out: new RegExp(other.account.address) })
  t.equal((await until(async () => await house.db.collection('transactions').countDocuments({}) === 0, { what: 'nothing', timeoutMs: patienceMs })), true, 'a dry run keeps nothing')
})

t.test('a right goes with the last thing that it needs, and naming nothing takes all', async (t) => {
  const [key, other, wallet, second] = [checksummed(`0x${'11'.repeat(20)}`) ?? '', checksummed(`0x${'22'.repeat(20)}`) ?? '', newId('wal'), newId('wal')]
  const principal: Principal = { id: newId('usr'), kind: 'user', factorRoot: 'root', may: ['initiate', 'approve', 'administer'], wallets: [wallet, second], approverKeys: [key, other], intentKey: null, grantedAt: new Date() }
  t.match(keptBy(principal, { approverKeys: [key] }), { may: ['initiate', 'approve', 'administer'], approverKeys: [other] })
  t.match(keptBy(principal, { approverKeys: [key, other] }), { may: ['initiate'], approverKeys: [] })
  t.match(keptBy(principal, { wallets: [wallet] }), { may: ['initiate', 'approve', 'administer'], wallets: [second] })
  t.match(keptBy(principal, { wallets: [wallet, second] }), { may: ['administer'], wallets: [] })
  t.match(keptBy(principal, { may: ['approve'] }), { may: ['initiate', 'administer'] })
  t.strictSame(keptBy(principal, {}).may, [])
  const program: Principal = { ...principal, kind: 'service', factorRoot: null, may: ['initiate'], approverKeys: [], intentKey: {} as never }
  t.strictSame(keptBy(program, { intentKey: true }).may, [])
  t.strictSame(keptBy(program, { approverKeys: [key] }).may, ['initiate'])
})
