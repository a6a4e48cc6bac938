import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'

/** One MongoDB for all test files; each takes databases of its own. */
export async function withSharedMongo (work) {
  if (process.env.COUNTERSIGN_TEST_MONGODB_URI) return work({})
  const { startStack } = await import('../packages/local-stack/dist/src/index.js')
  const dataDirectory = mkdtempSync(`${tmpdir()}/countersign-test-`)
  const stack = await startStack({ dataDirectory, parts: ['mongo'] })
  try {
    return await work({ COUNTERSIGN_TEST_MONGODB_URI: stack.mongo.adminUri })
  } finally {
    await stack.stop()
    rmSync(dataDirectory, { recursive: true, force: true })
  }
}
