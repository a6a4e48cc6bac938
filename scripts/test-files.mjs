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
const slow = ['e2e/dist/test/house.test.js', 'services/signer-service/dist/test/crash.test.js', 'services/signer-service/dist/test/storm.test.js']

/** They change their process (its environment, which module of two is loaded), or start and stop so much that they take a process's time alone. */
const alone = ['-noble.test.js', 'servers-found.test.js', 'servers.test.js', 'stack.test.js', 'users.test.js', 'left-behind.test.js', 'e2e/']

const filesPerProcess = 8

/** Compiled test files, as lists of what shares a process, in the order in which they begin. Files of one workspace load the same things. */
export function groupTests () {
  const shared = listTests().filter((file) => !slow.includes(file) && !alone.some((part) => file.includes(part)))
  const single = listTests().filter((file) => alone.some((part) => file.includes(part)) && !slow.includes(file))
  const byFolder = [...new Set(shared.map(folderOf))].flatMap((folder) => inParts(shared.filter((file) => folderOf(file) === folder)))
  return [...slow.map((file) => [file]), ...single.map((file) => [file]), ...byFolder.sort((a, b) => b.length - a.length)]
}

/** A service, or all packages together: most of them have few tests. */
const folderOf = (file) => file.startsWith('packages/') ? 'packages' : file.split('/dist/')[0]

function inParts (files) {
  const parts = Math.ceil(files.length / filesPerProcess)
  return Array.from({ length: parts }, (_none, part) => files.filter((_file, index) => Math.floor(index * parts / files.length) === part))
}

/** Sources decide what is run: a compiled file whose source is gone does not count. */
export const listTests = () => workspaces().flatMap((workspace) => {
  const folder = `${root}${workspace}/test`
  if (!existsSync(folder)) return []
  return readdirSync(folder, { recursive: true })
    .filter((name) => name.endsWith('.test.ts'))
    .map((name) => `${workspace}/dist/test/${name.replace(/\.ts$/, '.js')}`)
})
