import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, rename, rm } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'

/** The folder above that holds the workspace, seen from this file or from any folder below it. */
export const workspaceRoot = (from: string = import.meta.dirname): string => {
  for (let folder = from; ; folder = dirname(folder)) {
    if (existsSync(join(folder, 'pnpm-workspace.yaml'))) return folder
    if (folder === dirname(folder)) return resolve('.')
  }
}

/**
 * Where downloaded servers are kept: COUNTERSIGN_CACHE_DIRECTORY, else `.local/cache` in the workspace.
 * A choice of the machine, the same for every process that starts a part, so it is looked up here and passed nowhere.
 */
export const cacheDirectory = (): string =>
  resolve(process.env['COUNTERSIGN_CACHE_DIRECTORY'] ?? join(workspaceRoot(), '.local', 'cache'))

/**
 * The cached folder of that name, filled by `fill` when it is not there. Other processes may fill it at the same
 * time: each fills a folder of its own and the rename decides, so that nobody ever sees half a server.
 */
export const cached = async (name: string, fill: (folder: string) => Promise<void>): Promise<string> => {
  const cache = cacheDirectory()
  const home = join(cache, name)
  if (existsSync(home)) return home
  await mkdir(cache, { recursive: true })
  const filling = await mkdtemp(join(cache, `.${name}-`))
  try {
    await fill(filling)
    await rename(filling, home).catch((error: unknown) => {
      if (!existsSync(home)) throw error
    })
    return home
  } finally {
    await rm(filling, { recursive: true, force: true })
  }
}
