// npm run <task>: the same set-up before each, then the task. Plain Node: nothing is installed when it starts.
import { mkdirSync } from 'node:fs'
import { setUp } from './set-up.mjs'
import { run, root, Failure } from './process.mjs'

const tasks = {
  setup: async () => {},
  demo: (args) => run(process.execPath, ['e2e/dist/src/demo.js', ...args]),
  start: (args) => run(process.execPath, ['e2e/dist/src/start.js', ...args]),
  test: async (args) => (await import('./test.mjs')).test(args),
  coverage: async (args) => (await import('./coverage.mjs')).coverage(args),
  docs: async (args) => (await import('./docs.mjs')).docs(args),
  break: (args) => run(process.execPath, ['services/signer-service/dist/test/breaking/main.js', ...args]),
  bench: async (args) => (await import('./bench.mjs')).bench(args)
}

const [task = '', ...args] = process.argv.slice(2)
if (!Object.hasOwn(tasks, task)) {
  process.stderr.write(`run: one of ${Object.keys(tasks).join(', ')}\n`)
  process.exit(2)
}

process.chdir(root)
mkdirSync('.local', { recursive: true })
try {
  if (!args.includes('--help')) await setUp({ quiet: args.includes('--json') })
  await tasks[task](args)
} catch (error) {
  if (!(error instanceof Failure)) throw error
  if (error.message !== '') process.stderr.write(`${error.message}\n`)
  process.exitCode = error.exitCode
}
