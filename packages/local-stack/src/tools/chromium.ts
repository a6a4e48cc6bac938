import { StackFault } from '../stack-fault.ts'
import { aptInstall } from './apt.ts'
import type { Progress } from './progress.ts'
import { onPath } from './run.ts'

/** With fonts as wide as those that pages are made for. */
const packages = ['chromium', 'fonts-liberation']
const names = ['chromium', 'chromium-browser', 'google-chrome-stable', 'google-chrome']

const installed = (): string | undefined => names.map(onPath).find((path) => path !== undefined)

/**
 * The browser that tests look at pages with: on PATH, else by apt-get when root.
 * @returns its path
 * @throws StackFault when none can be had
 */
export const findChromium = async (onProgress: Progress = () => undefined): Promise<string> => {
  const known = installed()
  if (known !== undefined) return known
  if (process.getuid?.() === 0) onProgress('Chromium: installing it with apt-get')
  const path = await aptInstall(...packages) ? installed() : undefined
  if (path === undefined) throw new StackFault('Chromium was not found and could not be installed: put chromium or google-chrome on PATH.')
  return path
}
