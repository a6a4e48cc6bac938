/** Round trips shared: what many callers ask for at the same time goes to the database once, for all of them. */
import { MongoBulkWriteError, MongoError } from 'mongodb'

export interface GatherOptions {
  /** So many round trips may be under way; calls that come meanwhile go together when one of them ends. */
  readonly atOnce?: number
  /** So many calls share one at most. */
  readonly most?: number
  /** One that takes longer holds up no other: it may wait for a row that somebody's transaction keeps locked. */
  readonly patienceMs?: number
  /** After a round trip that several calls shared the next begins so much later, and takes more of them along. Who calls alone never waits. */
  readonly restMs?: number
}

interface Call<Item, Answer> {
  readonly item: Item
  readonly resolve: (answer: Answer) => void
  readonly reject: (reason: unknown) => void
}

/**
 * A call that comes alone goes at once; under load a command, a commit and a flush to disk serve many. One round trip under way at a time costs
 * a call at most the rest of the one before it and a pause after it, and saves both sides most of their work: what a message costs hardly depends on its rows.
 * @param work is given calls that were all made before it began, so nobody's answer is older than the question. It answers each at its place.
 * Writes belong into a transaction of its own: when a row is refused nothing may have been written, and each call goes again by itself, so that
 * nobody fails for another. Trouble with the database is everybody's.
 */
export function gather<Item, Answer> (work: (items: readonly Item[]) => Promise<readonly Answer[]>, { atOnce = 1, most = 50, patienceMs = 1_000, restMs = 10 }: GatherOptions = {}): (item: Item) => Promise<Answer> {
  const waiting: Call<Item, Answer>[] = []
  /** Round trips under way, and those that rest. */
  let busy = 0
  let scheduled = false

  function schedule (): void {
    if (scheduled || busy >= atOnce || waiting.length === 0) return
    scheduled = true
    // What else arrives in this turn of the event loop goes along.
    setImmediate(() => {
      scheduled = false
      busy += 1
      const next = once(() => {
        busy -= 1
        schedule()
      })
      const calls = waiting.splice(0, most)
      const timer = setTimeout(next, patienceMs)
      void run(calls).finally(() => {
        clearTimeout(timer)
        if (calls.length > 1 && waiting.length < most) setTimeout(next, restMs)
        else next()
      })
      schedule()
    })
  }

  async function run (calls: readonly Call<Item, Answer>[]): Promise<void> {
    try {
      const answers = await work(calls.map(({ item }) => item))
      for (const [i, { resolve }] of calls.entries()) resolve(answers[i] as Answer)
    } catch (error) {
      if (calls.length > 1 && mayBeOneCalls(error)) await Promise.all(calls.map((call) => run([call])))
      else for (const { reject } of calls) reject(error)
    }
  }

  return (item) => new Promise<Answer>((resolve, reject) => {
    waiting.push({ item, resolve, reject })
    schedule()
  })
}

function once (work: () => void): () => void {
  let isDue = true
  return () => {
    if (isDue) work()
    isDue = false
  }
}

/** A row that the database refuses, or one that this process cannot make or read. After anything else the whole may have happened, or will fail again. */
const mayBeOneCalls = (error: unknown): boolean => error instanceof MongoBulkWriteError || !(error instanceof MongoError)
