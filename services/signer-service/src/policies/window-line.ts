/**
 * Approvals of one wallet that take room in windows go one after another in this process: side by side all but one of them would find the
 * window changed and begin anew. That it is exact holds without this, and among processes; this alone makes it fast.
 */
export type InLine = <T>(walletId: string, work: () => Promise<T>) => Promise<T>

/** @param bounded whether the policy, as last seen, has windows for that wallet. */
export function createInLine (bounded: (walletId: string) => boolean): InLine {
  const tails = new Map<string, Promise<void>>()
  return async (walletId, work) => {
    if (!bounded(walletId)) return await work()
    const before = tails.get(walletId)
    let leave = (): void => {}
    const mine = new Promise<void>((resolve) => { leave = resolve })
    const tail = before === undefined ? mine : before.then(() => mine)
    tails.set(walletId, tail)
    try {
      await before
      return await work()
    } finally {
      leave()
      if (tails.get(walletId) === tail) tails.delete(walletId)
    }
  }
}
