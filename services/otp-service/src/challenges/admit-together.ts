/** Writes shared by what is asked for at the same time, of which some may be refused: those fail for their own caller alone. */
import { gather } from '@countersign/mongo'

/** Somebody was refused: whatever was written is undone, and the others begin anew without them. */
class NotAll extends Error {}

/**
 * @param write in one transaction. It answers each item, nobody at the place of one that takes nothing any more; `admitAll` notes in `refused` which
 * items are refused and why.
 * @param subjectOf items of one subject are written one after the other, as they would be alone. Absent: each has its own.
 * @returns one item's answer. @throws why it was refused
 */
export function admitTogether<Item, Answer> (
  write: (items: readonly Item[], refused: Map<Item, unknown>) => Promise<ReadonlyMap<Item, Answer>>, subjectOf: (item: Item) => unknown = (item) => item
): (item: Item) => Promise<Answer | undefined> {
  const shared = gather(async (all: readonly Item[]) => {
    const answers = new Map<Item, Answer>()
    const refused = new Map<Item, unknown>()
    let waiting = all
    while (waiting.length > 0) {
      const subjects = waiting.map(subjectOf)
      const now = waiting.filter((_item, i) => subjects.indexOf(subjects[i]) === i)
      try {
        for (const [item, answer] of await write(now, refused)) answers.set(item, answer)
        waiting = waiting.filter((item) => !now.includes(item))
      } catch (error) {
        if (!(error instanceof NotAll)) throw error
        waiting = waiting.filter((item) => !refused.has(item))
      }
    }
    return all.map((item) => refused.has(item) ? { refusal: refused.get(item) } : { answer: answers.get(item) })
  })
  return async (item) => {
    const outcome = await shared(item)
    if ('refusal' in outcome) throw outcome.refusal
    return outcome.answer
  }
}

/** @param written each item with what came of it. @returns once each was admitted. @throws when some were not, noted in `refused`: `admitTogether` knows what to do then */
export async function admitAll<Item, Written extends { readonly item: Item }> (written: readonly Written[], admit: (one: Written) => Promise<void>, refused: Map<Item, unknown>): Promise<void> {
  const outcomes = await Promise.allSettled(written.map(admit))
  for (const [i, outcome] of outcomes.entries()) if (outcome.status === 'rejected') refused.set((written[i] as Written).item, outcome.reason)
  if (written.some(({ item }) => refused.has(item))) throw new NotAll()
}
