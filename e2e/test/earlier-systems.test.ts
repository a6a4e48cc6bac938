/** What docs/earlier-systems.md promises: each command answers --help, each path is a route, each variable is read. */
import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { promisify } from 'node:util'
import { routes, type ServiceName } from '@countersign/contracts'
import t from 'tap'
import { workspaceRoot } from '../src/house.ts'

const run = promisify(execFile)
const load = async (name: string): Promise<unknown> => await import(new URL(`file://${workspaceRoot}scripts/${name}.mjs`).href)
const { aliases, commands, paths, variables } = await load('earlier-systems') as {
  readonly aliases: Readonly<Record<string, string>>
  readonly commands: readonly (readonly [was: string, now: string | undefined, note: string])[]
  readonly paths: readonly string[]
  readonly variables: readonly (readonly [was: string, now: string | undefined, note: string])[]
}
const { owners, forEvery, everyService } = await load('command-owners') as {
  readonly owners: Readonly<Record<string, readonly [ServiceName, string]>>
  readonly forEvery: Readonly<Record<string, string>>
  readonly everyService: readonly ServiceName[]
}

/** Its commands are read once and asked for their help one after the other. */
const askAll = `
  const [cli, ...all] = process.argv.slice(1)
  for (const [i, words] of all.entries()) {
    process.argv = ['node', 'cli', ...words.split(' '), '--help']
    await import(cli + '?' + i)
    if (process.exitCode !== 0) { process.stderr.write(words + ' has no help'); process.exit(1) }
  }`

t.test('every command that is named has a help', async (t) => {
  const named = [...new Set([...Object.values(aliases), ...commands.flatMap(([, now]) => now === undefined || now === 'env init' ? [] : [now])])]
  const groupOf = (words: string): string => words.split(' ')[0] ?? ''
  for (const words of named) t.ok(owners[groupOf(words)] ?? forEvery[groupOf(words)], words)
  await Promise.all(everyService.map(async (service) => {
    const its = named.filter((words) => owners[groupOf(words)]?.[0] === service || forEvery[groupOf(words)] !== undefined)
    const { stdout } = await run(process.execPath, ['--input-type=module', '-e', askAll, `file://${workspaceRoot}services/${service}/dist/src/cli.js`, ...its], { env: {} })
    for (const words of its) t.ok(new RegExp(`^Usage: \\S+ ${words} `, 'm').test(stdout), `${service}: ${words}`)
  }))
  const { stdout } = await run(process.execPath, [`${workspaceRoot}scripts/countersign.mjs`, 'env', 'init', '--help'])
  t.match(stdout, /env init/)
})

t.test('earlier names hand over with the same arguments', async (t) => {
  const { scripts } = JSON.parse(await readFile(`${workspaceRoot}package.json`, 'utf8')) as { scripts: Record<string, string> }
  for (const name of Object.keys(aliases)) {
    if (name.startsWith('scripts/')) t.match(await readFile(workspaceRoot + name, 'utf8'), `splice(2, 0, '${name}')`)
    else t.equal(scripts[name], `node scripts/earlier.mjs ${name}`)
  }
  const { stdout } = await run(process.execPath, [`${workspaceRoot}scripts/db/ensure-indexes.js`, '--help'])
  t.match(stdout, /^scripts\/db\/ensure-indexes\.js is now: \.\/countersign db indexes ensure\n\nUsage: \S+ db indexes ensure /)
  t.equal(stdout.match(/Usage:/g)?.length, 1, 'once, not for every service')
  await t.rejects(run(process.execPath, [`${workspaceRoot}scripts/notify-users.js`]), { code: 2, stderr: /missing required argument/ })
  await t.rejects(run(process.execPath, [`${workspaceRoot}scripts/earlier.mjs`, 'utxo']), { code: 2 })
})

t.test('every path and every variable that is named is there', async (t) => {
  const known = new Set(routes.map(({ method, path }) => `${method} ${path}`))
  for (const path of paths) t.ok(known.has(path), path)
  const example = await readFile(`${workspaceRoot}.env.example`, 'utf8')
  for (const [was, now] of variables) if (now !== undefined) t.ok(new RegExp(`^#? ?${now}=`, 'm').test(example), `${was}: ${now}`)
  for (const file of [...commands.flatMap(([, , note]) => note.match(/(services|e2e)\/[a-z/0-9-]+\.test\.ts/g) ?? []), 'infra/service.Dockerfile', 'services/email-worker/dist/src/main.js']) t.ok(existsSync(workspaceRoot + file), file)
})
