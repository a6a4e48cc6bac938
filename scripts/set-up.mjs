// Everything a fresh machine with Node, npm and pip lacks. Idempotent: done parts are recognised in milliseconds.
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { Failure, root, runQuietly, toolsDirectory } from './process.mjs'

const pnpmVersion = JSON.parse(readFileSync(`${root}package.json`, 'utf8')).packageManager.split('@')[1]

const steps = [
  ['pnpm', `pnpm ${pnpmVersion}`, hasPnpm, installPnpm],
  ['install', 'dependencies', hasDependencies, installDependencies],
  ['build', 'build', () => false, build],
  ['tools', 'MongoDB, Redis and the chain', () => false, prepareTools]
]

/** @param {{ quiet: boolean }} options quiet: nothing on stdout, for --json */
export async function setUp ({ quiet }) {
  requireNode()
  let said = false
  const say = (text) => {
    if (quiet) return
    if (!said) process.stdout.write('Setting up (seconds when it was done before):\n')
    said = true
    process.stdout.write(text)
  }
  for (const [, text, done, work] of steps) {
    if (await done()) continue
    const from = performance.now()
    const slow = setTimeout(() => say(`  … ${text}\n`), 2_000)
    try {
      await work(say)
    } finally {
      clearTimeout(slow)
    }
    const seconds = (performance.now() - from) / 1000
    if (seconds > 2) say(`  ✓ ${text} (${seconds.toFixed(1)} s)\n`)
  }
}

function requireNode () {
  const [major, minor] = process.versions.node.split('.').map(Number)
  if (major < 20 || (major === 20 && minor < 19)) {
    throw new Failure(`Countersign needs Node 20.19 or later; this is ${process.versions.node}. Install a current LTS from your package manager or nodejs.org.`)
  }
}

function hasPnpm () {
  try {
    return JSON.parse(readFileSync(`${toolsDirectory}/node_modules/pnpm/package.json`, 'utf8')).version === pnpmVersion
  } catch {
    return false
  }
}

function installPnpm () {
  mkdirSync(toolsDirectory, { recursive: true })
  return runQuietly('pnpm', 'npm', ['install', '--prefix', toolsDirectory, '--no-save', '--no-package-lock', '--ignore-scripts', `pnpm@${pnpmVersion}`])
}

const stamp = `${root}node_modules/.countersign-installed`

/** One hash over everything that decides what is installed. */
function dependencyHash () {
  const files = ['package.json', 'pnpm-lock.yaml', 'pnpm-workspace.yaml', 'e2e/package.json', 'benchmarks/package.json']
  for (const folder of ['packages', 'services']) {
    for (const name of readdirSync(`${root}${folder}`)) files.push(`${folder}/${name}/package.json`)
  }
  const hash = createHash('sha256')
  for (const file of files.filter((name) => existsSync(root + name))) hash.update(file).update(readFileSync(root + file))
  return hash.digest('hex')
}

function hasDependencies () {
  return existsSync(stamp) && readFileSync(stamp, 'utf8') === dependencyHash()
}

async function installDependencies () {
  await runQuietly('install', 'pnpm', ['install', '--frozen-lockfile'])
  writeFileSync(stamp, dependencyHash())
}

function build () {
  return runQuietly('build', 'turbo', ['run', 'build', '--output-logs=errors-only'])
}

async function prepareTools (say) {
  const { prepareTools: prepare } = await import('../packages/local-stack/dist/src/index.js')
  try {
    await prepare({ onProgress: (line) => say(`    ${line}\n`) })
  } catch (error) {
    throw new Failure(error.message)
  }
}
