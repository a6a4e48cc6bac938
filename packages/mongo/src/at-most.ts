/**
 * So many at once, the others in their order: transactions about one row keep one another from their end, the more of them the longer.
 * @returns runs the work when its turn has come; what it throws comes out as it is. Work that waits for other work given here may wait without end.
 */
export function atMost (count: number): <Answer>(work: () => Promise<Answer>) => Promise<Answer> {
  const waiting: (() => void)[] = []
  let running = 0
  return async (work) => {
    if (running >= count) await new Promise<void>((resolve) => { waiting.push(resolve) })
    else running += 1
    try {
      return await work()
    } finally {
      // Whoever is next takes the place over.
      const next = waiting.shift()
      if (next === undefined) running -= 1
      else next()
    }
  }
}
