import { accessSync, constants, chmodSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { StackFault } from '../stack-fault.ts'
import { onPath } from './run.ts'

const architectures: Readonly<Record<string, string>> = { x64: 'amd64', arm64: 'arm64' }

/**
 * The binary inside the npm package, not its wrapper: the wrapper is a Node process that would have to be ended apart.
 * @throws StackFault when the package has no binary for this machine
 */
export const findAnvil = (): string => {
  const here = createRequire(import.meta.url)
  const platform = `${process.platform}-${architectures[process.arch] ?? process.arch}`
  try {
    const wrapper = createRequire(join(dirname(here.resolve('@foundry-rs/anvil/bin.mjs')), 'bin.mjs'))
    const path = join(dirname(wrapper.resolve(`@foundry-rs/anvil-${platform}/package.json`)), 'bin', 'anvil')
    try {
      accessSync(path, constants.X_OK)
    } catch {
      // Some package managers drop the mode of files that no `bin` names.
      chmodSync(path, 0o755)
    }
    return path
  } catch {
    const installed = onPath('anvil')
    if (installed !== undefined) return installed
    throw new StackFault(`anvil was not found: run pnpm install again (it brings @foundry-rs/anvil-${platform}), or put anvil on PATH.`)
  }
}
