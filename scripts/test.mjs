// npm test: types, lint, import loops, generated docs, every test against real servers. npm test -- <file> runs that file alone.
import { Failure, processorSeconds, runQuietly } from './process.mjs'
import { checkDocs } from './docs.mjs'
import { checkImportLoops } from './import-loops.mjs'
import { groupTests, toCompiled } from './test-files.mjs'
import { runTests } from './run-tests.mjs'

const help = `Usage: npm test [-- <file> …]

Without a file: types, lint with the import law, import loops, generated docs, and every test.
With files (test/**/*.test.ts, as they stand in the source): those tests alone.
`

export async function test (args) {
  if (args.includes('--help')) return process.stdout.write(help)
  const files = args.filter((arg) => !arg.startsWith('-')).map(toCompiled)
  await prepareBrowser()
  const used = processorSeconds()
  const { passed, failed } = files.length > 0 ? await runTests(files.map((file) => [file])) : await timed('all', () => runTests(groupTests(), checks))
  process.stdout.write(`${(processorSeconds() - used).toFixed(0)} s of a processor; by file: .local/logs/test-times.txt\n\n${passed} passed, ${failed} failed\n`)
  if (failed > 0 || passed === 0) throw new Failure('')
}

/** The check of types and lint makes much that lives for a moment: with room for it a fifth of its time is saved. */
const checks = [
  () => timed('types, lint with the import law', () => runQuietly('check', process.execPath, ['--max-semi-space-size=128', 'scripts/check.mjs'])),
  () => timed('import loops', checkImportLoops),
  () => timed('generated docs', checkDocs)
]

/** Before the tests, so that none of them waits for its installation. */
async function prepareBrowser () {
  const { findChromium } = await import('../packages/local-stack/dist/src/index.js')
  try {
    await findChromium((line) => process.stdout.write(`${line}\n`))
  } catch (error) {
    throw new Failure(error.message)
  }
}

async function timed (name, work) {
  const from = performance.now()
  const result = await work()
  process.stdout.write(`✓ ${name} (${((performance.now() - from) / 1000).toFixed(1)} s)\n`)
  return result
}
