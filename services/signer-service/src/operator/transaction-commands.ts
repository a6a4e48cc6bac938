/** `transactions cancel`: the operator stops one transaction, whoever asked for it. */
import { createOutbox } from '@countersign/mongo'
import { exitCodes, newId, type CliCommand } from '@countersign/runtime'
import { createRecordMove } from '../transactions/record-move.ts'
import { createStopTransaction } from '../transactions/stop-transaction.ts'
import { createTellMoves, eventsCollection, ofTransactions } from '../transactions/tell-moves.ts'
import { createTransactionRepository } from '../transactions/transaction-repository.ts'
import type { WithParts } from './operator-parts.ts'

export const transactionCommands = (withParts: WithParts): CliCommand[] => [{
  name: 'transactions cancel',
  description: 'Cancel a transaction: at once before it is signed, later by a transfer of nothing at its nonce, which its lane sends; exit 1 when it is in a block',
  args: [['<transaction>', 'transaction id, tx_…']],
  run: async ({ args: [id = ''], print, line }) => await withParts(async ({ mongo, audit, transact }) => {
    const transactions = createTransactionRepository(mongo.db)
    const tell = createTellMoves({ events: createOutbox(mongo.db, { collection: eventsCollection }), newEventId: (atMs) => newId('evt', atMs) }, ofTransactions)
    const stop = createStopTransaction({ transactions, audit, recordMove: createRecordMove({ transactions, audit, tell, count: () => {} }), nudge: () => {} })
    const { row, stopped } = await transact(async (unit) => {
      const found = await transactions.find(id, unit)
      if (found === undefined) throw new Error(`there is no transaction ${id}`)
      return { row: found, stopped: await stop(unit, found, { by: 'operator' }) }
    })
    const { state, cancellation } = stopped ?? row
    print({ transaction: id, state, to_be_cancelled: stopped !== undefined && cancellation !== null && state !== 'cancelled' }, () => {
      if (stopped === undefined) line(`${id} is ${state}: it is in a block, and nothing can be cancelled.`)
      else line(state === 'signed' || state === 'broadcast' ? `${id} is ${state} and is to be cancelled: what is mined decides.` : `${id} is ${state}.`)
    })
    return stopped === undefined ? exitCodes.failed : exitCodes.ok
  })
}]
