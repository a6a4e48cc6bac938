// npm run coverage [-- <file> …]: lcov and HTML in coverage/, over every test or the files given.
import { mkdirSync } from 'node:fs'
import { root, run } from './process.mjs'
import { withSharedMongo } from './shared-mongo.mjs'
import { listTests, toCompiled } from './test-files.mjs'

export async function coverage (args) {
  const given = args.filter((arg) => !arg.startsWith('-')).map(toCompiled)
  const files = given.length > 0 ? given : listTests()
  mkdirSync(`${root}coverage`, { recursive: true })
  await withSharedMongo((env) => run('tap', [
    'run', '--disable-coverage=false', '--allow-incomplete-coverage', '--coverage-report=lcov', '--coverage-report=html', '--coverage-report=text-summary', ...files
  ], { env }))
}
