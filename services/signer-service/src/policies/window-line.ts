/**
 * Approvals of one wallet that take room in windows stand in a line in this process, and those that wait share a Mongo transaction: side by
 * side all but one of them would find the window changed and begin anew. That it is exact holds without this, and among processes; this
 * alone makes it fast.
 */
import type { Transact, Unit } from '../unit.ts'

/** Runs the work in one Mongo transaction, perhaps more than once, perhaps together with others: it has no other effects. */
export type InLine = <T>(walletId: string, work: (unit: Unit) => Promise<T>) => Promise<T>

export interface LineDeps {
  readonly transact: Transact
  /** Whether the policy, as last seen, has windows for that wallet. */
  readonly bounded: (walletId: string) => boolean
}

interface Waiting {
  readonly work: (unit: Unit) => Promise<unknown>
  readonly resolve: (result: unknown) => void
  readonly reject: (error: unknown) => void
}

const mostTogether = 16

export function createInLine ({ transact, bounded }: LineDeps): InLine {
  const lines = new Map<string, Waiting[]>()

  const together = async (group: readonly Waiting[]): Promise<unknown[]> => await transact(async (unit) => {
    const results: unknown[] = []
    for (const { work } of group) results.push(await work(unit))
    return results
  })

  /** One that throws undoes the whole group, and each then has a transaction of its own. */
  const serve = async (group: readonly Waiting[]): Promise<void> => {
    const results = group.length === 1 ? undefined : await together(group).catch(() => undefined)
    for (const [index, { work, resolve, reject }] of group.entries()) {
      if (results === undefined) await transact(work).then(resolve, reject)
      else resolve(results[index])
    }
  }

  const run = async (walletId: string, line: Waiting[]): Promise<void> => {
    while (line.length > 0) await serve(line.splice(0, mostTogether))
    lines.delete(walletId)
  }

  return async <T>(walletId: string, work: (unit: Unit) => Promise<T>): Promise<T> => {
    if (!bounded(walletId)) return await transact(work)
    return await new Promise<T>((resolve, reject) => {
      const one: Waiting = { work, resolve: resolve as Waiting['resolve'], reject }
      const line = lines.get(walletId)
      if (line !== undefined) line.push(one)
      else {
        const fresh = [one]
        lines.set(walletId, fresh)
        void run(walletId, fresh)
      }
    })
  }
}
