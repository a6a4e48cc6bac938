import { findChromium } from '@countersign/local-stack'
import type { Browser } from 'playwright-core'
import type { TestContext } from './test-context.ts'

/** A real Chromium without a window. */
export const startBrowser = async (t: TestContext): Promise<Browser> => {
  // Loaded when it is wanted: most test files want none, and each would wait half a second for it.
  const { chromium } = await import('playwright-core')
  // Chromium's own sandbox does not start as root, which containers run tests as.
  const asRoot = process.getuid?.() === 0 ? ['--no-sandbox'] : []
  const browser = await chromium.launch({ executablePath: await findChromium(), args: [...asRoot, '--disable-dev-shm-usage'] })
  t.teardown(async () => { await browser.close() })
  return browser
}
