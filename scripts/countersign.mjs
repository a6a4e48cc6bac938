// The root command only finds the service that owns a command and hands over to it as a process.
import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { everyService, forEvery, owners } from './command-owners.mjs'

const at = (path) => fileURLToPath(new URL(`../${path}`, import.meta.url))
const words = process.argv.slice(2)
const [group] = words

if (group === undefined || group === '--help' || group === '-h' || group === 'help') {
  const rows = [...Object.entries(owners).map(([name, [, text]]) => [name, text]), ...Object.entries(forEvery)]
  process.stdout.write(`Usage: countersign <command> [options]\n\nCommands:\n${rows.map(([name, text]) => `  ${name.padEnd(12)} ${text}`).join('\n')}\n\nEvery command takes --help and --json. Against the local stack: npm start, then\n  ./countersign --local <command>            as the service that owns the command\n  ./countersign --local --admin db profile   as the administrator of its databases\n`)
  process.exit(group === undefined ? 2 : 0)
}

const cli = (service) => at(`services/${service}/dist/cli.js`)
/** `--local` gives the command the environment that the running local stack gave its services; `env check` what a .env says. */
async function environmentOf (service, local, fromFile) {
  if (fromFile !== undefined) return { PATH: process.env.PATH, ...fromFile(service) }
  if (!local) return process.env
  const { readStackEnvironment } = await import(new URL('../packages/local-stack/dist/src/index.js', import.meta.url).href)
  const read = (whose) => readStackEnvironment(at('.local/data'), whose)
  try {
    return { ...process.env, ...read(service), ...asAdministrator && read('administrator') }
  } catch (error) {
    if (error.name !== 'StackFault') throw error
    process.stderr.write(`error: ${error.message}\n`)
    process.exit(1)
  }
}

async function run (service, args, local, fromFile) {
  if (!existsSync(cli(service))) {
    process.stderr.write('countersign: not built yet; run: npm run setup\n')
    return 1
  }
  const child = spawn(process.execPath, [cli(service), ...args], { stdio: 'inherit', env: await environmentOf(service, local, fromFile) })
  return new Promise((resolve) => child.on('exit', (code, signal) => resolve(signal === null ? code : 1)))
}

const local = words[0] === '--local'
if (local) words.shift()
const asAdministrator = local && words[0] === '--admin'
if (asAdministrator) words.shift()
const [name, ...args] = words

if (Object.hasOwn(owners, name ?? '')) {
  process.exit(await run(owners[name][0], [name, ...args], local))
}
if (Object.hasOwn(forEvery, name ?? '')) {
  const chosen = args.indexOf('--service')
  const only = chosen === -1 ? [...everyService] : args.splice(chosen, 2).slice(1)
  if (only.some((service) => !everyService.includes(service))) {
    process.stderr.write(`countersign: --service takes one of ${everyService.join(', ')}\n`)
    process.exit(2)
  }
  if (name === 'env' && args[0] === 'init') {
    const { initEnvironment } = await import(new URL('./env-init.mjs', import.meta.url).href)
    process.exit(await initEnvironment(args.slice(1)))
  }
  let fromFile
  if (name === 'env' && args[0] === 'check' && !local) {
    const given = args.indexOf('--file')
    const file = given === -1 ? undefined : args.splice(given, 2)[1]
    const { composeEnvironment } = await import(new URL('./env-check.mjs', import.meta.url).href)
    fromFile = composeEnvironment(file)
    if (file !== undefined && fromFile === undefined) {
      process.stderr.write(`error: there is no file ${file}\n`)
      process.exit(1)
    }
  }
  const json = args.includes('--json')
  if (args.includes('--help') || args.includes('-h')) only.splice(1) // the same for every one
  let code = 0
  for (const service of only) {
    if (!json && only.length > 1) process.stdout.write(`\n${service}\n`)
    code = Math.max(code, await run(service, [name, ...args], local, fromFile))
  }
  process.exit(code)
}
process.stderr.write(`countersign: no command "${name ?? ''}"; see countersign --help\n`)
process.exit(2)
