/** Work that is done once at the start and then again and again, one round after the other; closing waits for the one that runs. */
export interface Rounds {
  close (): Promise<void>
}

/** @param round must not reject: what goes wrong is its own to log */
export function startRounds (round: () => Promise<void>, intervalMs: number): Rounds {
  let running = round()
  const timer = setInterval(() => { running = running.then(round) }, intervalMs)
  return {
    async close () {
      clearInterval(timer)
      await running
    }
  }
}
