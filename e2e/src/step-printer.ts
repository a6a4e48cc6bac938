export interface StepPrinter {
  /** Runs one step and prints its line: the text, what came out of it, and how long it took. */
  step<T>(text: string, work: () => Promise<T>, outcome?: (value: T) => Record<string, string>): Promise<T>
  note(text: string, facts?: Record<string, string>): void
}

/** One line per step for people, or one JSON object per line for programs. */
export function createStepPrinter ({ json, write }: { json: boolean, write: (text: string) => void }): StepPrinter {
  const started = performance.now()
  const seconds = (from: number): number => Math.round((performance.now() - from) / 10) / 100

  const line = (ok: boolean, text: string, tookSeconds: number, facts: Record<string, string>): void => {
    if (json) return write(`${JSON.stringify({ step: text, ok, seconds: tookSeconds, at_seconds: seconds(started), ...facts })}\n`)
    write(`${ok ? '✓' : '✗'} ${tookSeconds.toFixed(2).padStart(6)} s  ${text}\n`)
    for (const [name, value] of Object.entries(facts)) {
      const [first = '', ...rest] = value.split('\n')
      write(`             ${name.padEnd(10)} ${first}\n`)
      for (const more of rest) write(`             ${''.padEnd(10)} ${more}\n`)
    }
  }

  return {
    async step (text, work, outcome) {
      const from = performance.now()
      try {
        const value = await work()
        line(true, text, seconds(from), outcome?.(value) ?? {})
        return value
      } catch (error) {
        line(false, text, seconds(from), {})
        throw error
      }
    },
    note (text, facts = {}) {
      if (json) return write(`${JSON.stringify({ note: text.trim(), ...facts })}\n`)
      write(`${text}\n`)
    }
  }
}
