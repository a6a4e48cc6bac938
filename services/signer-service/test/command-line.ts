/** The commands as cli.ts mounts them, without a process each. */
import { createCli } from '@countersign/runtime'
import { createWithParts } from '../src/operator/operator-parts.ts'
import { auditCommands } from '../src/operator/audit-commands.ts'
import { policyCommands } from '../src/operator/policy-commands.ts'
import { reconcileCommands } from '../src/operator/reconcile-commands.ts'
import { rotationCommands } from '../src/operator/rotation-commands.ts'
import { transactionCommands } from '../src/operator/transaction-commands.ts'
import { walletCommands } from '../src/operator/wallet-commands.ts'
import { walletKeyCommands } from '../src/operator/wallet-key-commands.ts'

export interface CliAnswer { readonly code: number, readonly out: string, readonly err: string, readonly json: <T = Record<string, unknown>>() => T }

export const commandLine = (settings: Record<string, string>) => async (...args: string[]): Promise<CliAnswer> => {
  let out = ''
  let err = ''
  const withParts = createWithParts(settings)
  const code = await createCli({ name: 'signer-service', description: '', stdout: (text) => { out += text }, stderr: (text) => { err += text } })
    .add(...walletCommands(withParts), ...walletKeyCommands(withParts), ...rotationCommands(withParts), ...auditCommands(withParts), ...reconcileCommands(withParts), ...policyCommands(withParts), ...transactionCommands(withParts))
    .run(['node', 'cli', ...args])
  return { code, out, err, json: <T>() => JSON.parse(out) as T }
}
