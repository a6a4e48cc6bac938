// npm run coverage [-- <file> …]: lcov and HTML in coverage/, over every test or the files given.
import { cpSync, rmSync } from 'node:fs'
import { root, run } from './process.mjs'
import { withSharedMongo } from './shared-mongo.mjs'
import { listTests, toCompiled } from './test-files.mjs'

export async function coverage (args) {
  const given = args.filter((arg) => !arg.startsWith('-')).map(toCompiled)
  const files = given.length > 0 ? given : listTests()
  for (const folder of ['coverage', '.tap/report']) rmSync(root + folder, { recursive: true, force: true })
  await withSharedMongo((env) => run('tap', [
    'run', '--no-disable-coverage', '--allow-incomplete-coverage', '--coverage-report=lcov', '--coverage-report=html', '--coverage-report=text-summary', ...files
  ], { env }))
  // Where tap puts it is not for its user to say.
  cpSync(`${root}.tap/report`, `${root}coverage`, { recursive: true })
}
