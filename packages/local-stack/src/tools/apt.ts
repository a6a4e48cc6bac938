import { onPath, run } from './run.ts'

/** Installs Debian packages when this process may; says whether they are there afterwards. */
export const aptInstall = async (...names: readonly string[]): Promise<boolean> => {
  if (process.getuid?.() !== 0 || onPath('apt-get') === undefined) return false
  const quiet = { env: { DEBIAN_FRONTEND: 'noninteractive' } }
  const install = async (): Promise<boolean> => (await run('apt-get', ['install', '-y', '--no-install-recommends', '-o', 'DPkg::Lock::Timeout=300', ...names], quiet)).ok
  if (await install()) return true
  // A fresh machine has no package lists yet.
  await run('apt-get', ['update'], quiet)
  return await install()
}
