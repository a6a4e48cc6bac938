import { existsSync, readdirSync } from 'node:fs'
import { relative, resolve } from 'node:path'
import { Failure, root } from './process.mjs'

const workspaces = () => [
  ...['packages', 'services'].flatMap((folder) => readdirSync(`${root}${folder}`).map((name) => `${folder}/${name}`)),
  'e2e', 'benchmarks'
]

/** A test as it stands in the source, or already compiled, to what tap runs. */
export function toCompiled (file) {
  const path = relative(root, resolve(root, file))
  if (path.includes('dist/')) return path
  const workspace = workspaces().find((name) => path.startsWith(`${name}/`))
  const compiled = workspace === undefined ? '' : `${workspace}/dist/${path.slice(workspace.length + 1).replace(/\.ts$/, '.js')}`
  if (!existsSync(root + path) || !existsSync(root + compiled)) throw new Failure(`npm test: no test file ${file}`, 2)
  return compiled
}

/** These wait for blocks and restarts more than they compute: they begin first, so that nothing waits for them alone at the end. */
const slow = ['e2e/dist/test/house.test.js', 'services/signer-service/dist/test/']

/** Sources decide what is run: a compiled file whose source is gone does not count. */
export const listTests = () => everyTest().sort((a, b) => rank(a) - rank(b))

const rank = (file) => (slow.findIndex((part) => file.startsWith(part)) + slow.length + 1) % (slow.length + 1)

const everyTest = () => workspaces().flatMap((workspace) => {
  const folder = `${root}${workspace}/test`
  if (!existsSync(folder)) return []
  return readdirSync(folder, { recursive: true })
    .filter((name) => name.endsWith('.test.ts'))
    .map((name) => `${workspace}/dist/test/${name.replace(/\.ts$/, '.js')}`)
})
