/** The end of an account: nothing of it starts any more, what is on its way is let through, and money's record stays. */
import {
  accountDeletedSigner, accountDeleteSigner, createTransaction, problems, type PayloadOf
} from '@countersign/contracts'
import { createProducer, jobConnection, startWorker } from '@countersign/redis'
import { createMetrics, newId } from '@countersign/runtime'
import { until } from '@countersign/testing'
import t from 'tap'
import { createGrantPrincipal } from '../src/principals/grant-principal.ts'
import { createPrincipalRepository } from '../src/principals/principal-repository.ts'
import { createWalletRepository } from '../src/wallets/wallet-repository.ts'
import { ether, openWorld, patienceMs, type House } from './house.ts'

const world = await openWorld(t)
const principalOf = (house: House) => house.db.collection<{ _id: string, revokedAt?: Date | null }>('principals')

/** The gateway's ends of both queues. */
function openGateway (t: { teardown: (undo: () => unknown) => unknown }, { redisUrl, log }: House) {
  const io = { log, metrics: createMetrics({ service: 'auth-gateway', sha: 'test' }), connection: jobConnection(redisUrl, 'auth-gateway') }
  const acknowledged: PayloadOf<typeof accountDeletedSigner>[] = []
  const producer = createProducer(accountDeleteSigner, io)
  const worker = startWorker(accountDeletedSigner, { ...io, handle: async (payload) => { acknowledged.push(payload) } })
  t.teardown(() => Promise.all([producer.close(), worker.close()]))
  return {
    producer,
    acknowledged,
    ask: async (userId: string, id = newId('del')): Promise<string> => {
      await producer.add({ deletion_id: id, user_id: userId, request_id: 'req-deletion' })
      return id
    },
    hear: async (id: string) => await until(() => acknowledged.find(({ deletion_id: known }) => known === id), { what: 'the acknowledgement', timeoutMs: patienceMs })
  }
}

t.test('what waits is cancelled, what is on its way is let through before anything is acknowledged, and the record stays', async (t) => {
  const house = await world.house(t, { funds: ether })
  await house.start()
  const gateway = openGateway(t, house)
  await world.chain.request('evm_setAutomine', [false])
  t.teardown(() => world.chain.request('evm_setAutomine', [true]))
  const flying = await house.approve(0)
  await house.reach(flying, 'broadcast')
  const unpaid = await house.request(1, { value: 4n * ether })
  await house.confirm(unpaid.id)
  const waiting = await house.request(2)

  const id = await gateway.ask(house.userId)

  for (const cancelled of [waiting.id, unpaid.id]) t.match(await house.reach(cancelled, 'cancelled'), { failure: { code: 'account_deleted' } })
  await t.rejects(house.request(3), { name: 'Problem', kind: { slug: problems.notPermitted.slug } }, 'nothing new starts')
  t.match(await house.confirm(waiting.id), { state: 'cancelled' }, 'its code moves nothing')
  await until(() => house.logs.text().includes('StillInFlight'), { what: 'a try that found a transaction on its way', timeoutMs: patienceMs })
  t.strictSame(gateway.acknowledged, [])

  await world.chain.request('evm_setAutomine', [true])
  await world.chain.request('evm_mine')
  await until(async () => {
    await world.chain.request('evm_mine')
    return (await house.get(flying)).state === 'confirmed'
  }, { what: 'the transfer to be confirmed', timeoutMs: patienceMs, everyMs: 200 })
  t.match(await gateway.hear(id), { user_id: house.userId, request_id: 'req-deletion' })

  t.strictSame((await house.sentOnChain()).length, 1)
  t.equal(await house.db.collection('transactions').countDocuments({ initiator: house.userId }), 3, 'money\'s history stays')
  t.match(await house.audit({ event: 'principal.revoked' }), [{ subject: house.userId, requestId: 'req-deletion', facts: { deletion: id, reason: 'account_deleted' } }])
  t.match(await house.audit({ event: 'transaction.cancelled' }), [{ facts: { deletion: id } }, { facts: { deletion: id } }])
  t.match(await house.audit({ event: 'account.deletion_done' }), [{ subject: house.userId, facts: { deletion: id } }])
})

t.test('a code answered after the principal was revoked approves nothing, also where the transaction was not cancelled yet', async (t) => {
  const house = await world.house(t)
  await house.start()
  const { id } = await house.request(0)
  await principalOf(house).updateOne({ _id: house.userId }, [{ $set: { revokedAt: '$$NOW' } }])

  await t.rejects(house.confirm(id), { name: 'Problem', kind: { slug: problems.codeRejected.slug } })

  t.equal((await house.row(id))?.state, 'awaiting_confirmation')
  t.match(await house.audit({ event: 'receipt.refused' }), [{ facts: { reason: 'principal' } }])
  await t.rejects(house.call(createTransaction, { ...house.asking, idempotency_key: 'x', transfer: { wallet_id: house.wallet.id, chain_id: 31337, to: house.destination(1), value: '1' } }),
    { name: 'Problem', kind: { slug: problems.notPermitted.slug } })
})

t.test('the job may come twice and for users that the signer never knew; an operator who grants again begins from nothing', async (t) => {
  const house = await world.house(t)
  await house.start()
  const gateway = openGateway(t, house)
  await gateway.hear(await gateway.ask(newId('usr')))

  const id = await gateway.ask(house.userId)
  await gateway.hear(id)
  const other = await gateway.ask(house.userId)
  await gateway.hear(other)
  t.equal((await house.audit({ event: 'principal.revoked' })).length, 1)
  // Redis forgot the job, and the gateway's outbox brings it again.
  const again = createProducer({ ...accountDeleteSigner, jobId: () => 'again' }, { connection: jobConnection(house.redisUrl, 'auth-gateway'), log: house.log, metrics: createMetrics({ service: 'auth-gateway', sha: 'test' }) })
  t.teardown(again.close)
  await again.add({ deletion_id: id, user_id: house.userId, request_id: 'req-deletion' })
  await until(async () => await again.stateOf('again') === 'finished', { what: 'the repeated job', timeoutMs: patienceMs })
  t.equal(await house.db.collection('outbox').countDocuments({ queue: accountDeletedSigner.name, jobId: id }), 1)

  const second = await house.withParts(async (parts) => {
    const wallets = createWalletRepository(parts.mongo.db)
    const principals = createPrincipalRepository(parts.mongo.db)
    t.strictSame(await principals.list(), [])
    return await createGrantPrincipal({ ...parts, principals, wallets })({ userId: house.userId, walletIds: [], factorRoot: house.otp.factorRootOf(house.userId) })
  })
  t.match(second, { changed: true, principal: { wallets: [] } })
  t.equal((await principalOf(house).findOne({ _id: house.userId }))?.revokedAt, null)
})
