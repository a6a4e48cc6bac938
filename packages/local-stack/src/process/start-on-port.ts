import { claimPort, takenPort } from '../ports.ts'
import type { Child } from './child.ts'
import { EarlyExit } from './readiness.ts'

/**
 * Starts a server on the wanted port, or on a free one. Between finding a free port and listening on it somebody else may take it:
 * a port of our choice is chosen anew then, a wanted one is a fault. `takenText` is how the server says so.
 */
export const startOnPort = async (what: string, wanted: number | undefined, takenText: RegExp, start: (port: number) => Promise<Child>): Promise<{ child: Child, port: number }> => {
  for (let attempt = 1; ; attempt++) {
    const port = await claimPort(wanted, what)
    try {
      return { child: await start(port), port }
    } catch (error) {
      if (!(error instanceof EarlyExit) || !takenText.test(error.output)) throw error
      if (wanted !== undefined) throw takenPort(wanted, what)
      if (attempt === 5) throw error
    }
  }
}
