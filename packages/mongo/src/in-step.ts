/** Calls of several steps each, kept in step: those that come at the same time begin together, so that each of their steps is shared by all of them. */

export interface InStepOptions {
  /** So many calls begin together at most. */
  readonly most?: number
  /** Calls that take longer hold up no others: one may wait for a row that somebody's transaction keeps locked. */
  readonly patienceMs?: number
}

/**
 * What `gather` shares falls apart again where calls have many steps: each step has its own few, and those that were asked for one by one are
 * asked for one by one to the end. Here a call that comes alone begins at once; calls that come while others are under way wait for the end of
 * those, and begin in the same turn of the event loop. Each is answered, or fails, by itself and as soon as it is done.
 * @param work shares what it asks for by `gather`
 */
export function inStep<Given extends readonly unknown[], Answer> (work: (...given: Given) => Promise<Answer>, { most = 100, patienceMs = 1_000 }: InStepOptions = {}): (...given: Given) => Promise<Answer> {
  let waiting: (() => Promise<unknown>)[] = []
  let scheduled = false
  let underWay = false

  function schedule (): void {
    if (scheduled || underWay || waiting.length === 0) return
    scheduled = true
    // What else arrives in this turn of the event loop goes along.
    setImmediate(begin)
  }

  function begin (): void {
    scheduled = false
    underWay = true
    const calls = waiting.slice(0, most)
    waiting = waiting.slice(most)
    let isDue = true
    const next = (): void => {
      if (!isDue) return
      isDue = false
      clearTimeout(timer)
      underWay = false
      schedule()
    }
    const timer = setTimeout(next, patienceMs)
    void Promise.all(calls.map((call) => call())).then(next)
  }

  return (...given) => new Promise<Answer>((resolve, reject) => {
    // It never rejects: whoever asked is told.
    waiting.push(async () => { await work(...given).then(resolve, reject) })
    schedule()
  })
}
