/** Writes shared by what is asked for at the same time, of which some may be refused: those fail for their own caller alone. */
import { gather } from '@countersign/mongo'

/** Somebody was refused: whatever was written is undone, and the others begin anew without them. */
export class NotAll extends Error {}

/**
 * @param write in one transaction. It answers each item, nobody at the place of one that was there before; or it notes in `refused` which items
 * are refused and why, and throws NotAll.
 * @returns one item's answer. @throws why it was refused
 */
export function admitTogether<Item, Answer> (write: (items: readonly Item[], refused: Map<Item, unknown>) => Promise<ReadonlyMap<Item, Answer>>): (item: Item) => Promise<Answer | undefined> {
  const shared = gather(async (all: readonly Item[]) => {
    const refused = new Map<Item, unknown>()
    for (;;) {
      const rest = all.filter((item) => !refused.has(item))
      try {
        const written = rest.length === 0 ? new Map<Item, Answer>() : await write(rest, refused)
        return all.map((item) => refused.has(item) ? { refusal: refused.get(item) } : { answer: written.get(item) })
      } catch (error) {
        if (!(error instanceof NotAll)) throw error
      }
    }
  })
  return async (item) => {
    const outcome = await shared(item)
    if ('refusal' in outcome) throw outcome.refusal
    return outcome.answer
  }
}

/** @returns once each was admitted. @throws NotAll when some were not, noted in `refused` */
export async function admitAll<Item> (items: readonly Item[], admit: (item: Item, index: number) => Promise<void>, refused: Map<Item, unknown>): Promise<void> {
  const outcomes = await Promise.allSettled(items.map(admit))
  for (const [i, outcome] of outcomes.entries()) if (outcome.status === 'rejected') refused.set(items[i] as Item, outcome.reason)
  if (items.some((item) => refused.has(item))) throw new NotAll()
}
