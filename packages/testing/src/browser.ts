import { findChromium } from '@countersign/local-stack'
import { chromium, type Browser } from 'playwright-core'
import type { TestContext } from './test-context.ts'

/** A real Chromium without a window. */
export const startBrowser = async (t: TestContext): Promise<Browser> => {
  // Chromium's own sandbox does not start as root, which containers run tests as.
  const asRoot = process.getuid?.() === 0 ? ['--no-sandbox'] : []
  const browser = await chromium.launch({ executablePath: await findChromium(), args: [...asRoot, '--disable-dev-shm-usage'] })
  t.teardown(async () => { await browser.close() })
  return browser
}
