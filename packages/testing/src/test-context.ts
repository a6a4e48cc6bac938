import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** What a fixture needs of a test: tap's `t` has it. What is handed over last is undone first. */
export interface TestContext {
  teardown: (undo: () => unknown) => void
}

/** A folder that goes away with the test. Ask for it before the server that lives in it, so that it is removed after. */
export const scratchDirectory = async (t: TestContext, name = 'test'): Promise<string> => {
  const directory = await mkdtemp(join(tmpdir(), `countersign-${name}-`))
  t.teardown(async () => { await rm(directory, { recursive: true, force: true, maxRetries: 3 }) })
  return directory
}
