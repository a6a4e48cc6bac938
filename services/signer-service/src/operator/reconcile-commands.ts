/** `wallets reconcile`: compares every wallet with its chains now, and shows what is open. */
import { createLeases, createOutbox } from '@countersign/mongo'
import { exitCodes, newId, type CliCommand } from '@countersign/runtime'
import { createReconciliation } from '../compose-reconciliation.ts'
import { createTellAlarm } from '../mail/operator-mail.ts'
import { createReconciliationRepository } from '../reconciliation/reconciliation-repository.ts'
import { createWalletRepository } from '../wallets/wallet-repository.ts'
import { textOption } from './options.ts'
import type { OperatorParts, WithParts } from './operator-parts.ts'

export const reconcileCommands = (withParts: WithParts): CliCommand[] => [{
  name: 'wallets reconcile',
  description: 'Compare what left every wallet with what was asked for; exit 1 when anything is open, or a chain did not answer',
  options: [['--acknowledge <alarm>', 'close an alarm that you have looked into, by its id']],
  run: async ({ options, print, line, table }) => await withParts(async (parts) => {
    const acknowledged = textOption(options, 'acknowledge')
    if (acknowledged !== undefined) await acknowledge(parts, acknowledged)
    const rows = (await reconcileAll(parts)).map(({ wallet, chainId, ...result }) => ({
      wallet_id: wallet.id, chain_id: chainId, outcome: result.outcome,
      height: 'height' in result ? result.height : null, nonce: 'nonce' in result ? result.nonce : null, ours: 'ours' in result ? result.ours : null,
      permits_used: 'used' in result ? result.used.length : null,
      reason: 'reason' in result ? result.reason : null
    }))
    const alarms = (await createReconciliationRepository(parts.mongo.db).openAlarms()).map(({ id, kind, hash, detail, createdAt }) => ({ id, kind, hash, detail, found_at: createdAt.toISOString() }))
    print({ wallets: rows, alarms }, () => {
      table(rows)
      for (const { id, detail } of alarms) line(`ALARM ${id}: ${detail}`)
      if (alarms.length === 0) line('Nothing is open.')
    })
    return alarms.length > 0 || rows.some(({ outcome }) => outcome === 'unreachable') ? exitCodes.failed : exitCodes.ok
  })
}]

/** The mail of an alarm is left in the outbox: the service, which sweeps it, brings it to its queue. */
const reconcileAll = async ({ config, mongo, chains, transact, audit }: OperatorParts) => await createReconciliation({
  db: mongo.db, chains, transact, audit, wallets: createWalletRepository(mongo.db), leases: createLeases(mongo.db), holder: newId('prc'),
  tellAlarm: createTellAlarm({
    outbox: createOutbox(mongo.db), dispatcher: { dispatch: () => Promise.resolve() }, ...config.mail, now: () => new Date(), newDeliveryId: () => newId('dlv'), newRequestId: () => newId('req')
  })
})()

async function acknowledge ({ mongo, transact, audit }: OperatorParts, id: string): Promise<void> {
  await transact(async (unit) => {
    const alarm = await createReconciliationRepository(mongo.db).acknowledge(id, unit)
    if (alarm === undefined) throw new Error(`there is no open alarm ${id}`)
    await audit.append({ event: 'reconciliation.acknowledged', subject: alarm.walletId, walletId: alarm.walletId, actor: 'operator', facts: { kind: alarm.kind, mark: alarm.mark, hash: alarm.hash } }, unit.session)
  })
}
