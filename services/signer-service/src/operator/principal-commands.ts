/** `principals grant|revoke|list`: who may ask for transactions. Only here, under the operator's own access. */
import { readFileSync } from 'node:fs'
import { createInterface } from 'node:readline/promises'
import { describeFactors, EmailAddress, EvmAddress, problems, Problem, UserId } from '@countersign/contracts'
import { exitCodes, newId, UsageFault, type CliCommand } from '@countersign/runtime'
import { Value } from 'typebox/value'
import { checksummed } from '../chain/address.ts'
import { keyIdOf, readIntentKey, type IntentKey } from '../intents/intent-key.ts'
import { createGrantPrincipal, rightsAfter } from '../principals/grant-principal.ts'
import { evmAccounts } from '../principals/learn-accounts.ts'
import { createRevokePrincipal } from '../principals/revoke-principal.ts'
import { keptBy, principalRights, type Principal, type PrincipalRight } from '../principals/principal.ts'
import { createPrincipalRepository } from '../principals/principal-repository.ts'
import { createWalletRepository } from '../wallets/wallet-repository.ts'
import { textOption, textsOption } from './options.ts'
import type { OperatorParts, WithParts } from './operator-parts.ts'

const shown = ({ id, kind, may, wallets, approverKeys, intentKey, factorRoot, grantedAt }: Principal) =>
  ({ id, kind, may, wallets, approver_keys: approverKeys, intent_key: intentKey === null ? null : keyIdOf(intentKey), factor_root: factorRoot, granted_at: grantedAt.toISOString() })

export const principalCommands = (withParts: WithParts): CliCommand[] => [grantCommand(withParts), revokeCommand(withParts), listCommand(withParts)]

const grantCommand = (withParts: WithParts): CliCommand => ({
  name: 'principals grant',
  description: 'Let a user start transactions, approve those of others, or change the policy; run again it adds',
  requiredOptions: [
    ['--user <id>', 'user id, usr_…'],
    ['--may <right>', principalRights.join(', ')]
  ],
  options: [
    ['--wallet <ids...>', 'wallet ids, wal_…: from which it initiates, for which it approves'],
    ['--approver-key <address>', 'of the wallet whose signatures approve or administer, 0x…'],
    ['--kind <kind>', 'user, or service: a program that signs its requests', 'user'],
    ['--key <file>', 'of a program: its public key, Ed25519 or P-256, as PEM or JWK'],
    ['--yes', 'do not ask'], ['--expect-email <address>', 'the address you were told by other means: granted without a question when codes go there, refused when not']
  ],
  run: async ({ options, json, print, line }) => await withParts(async (parts) => {
    const { userId, right, walletIds, approverKeys, intentKey, expected } = grantOf(options)
    // Under --json standard output carries one document, so the question goes to standard error.
    const say = (text: string): void => { if (json) process.stderr.write(`${text}\n`); else line(text) }
    // Approving and administering is done by a key alone: no factor is looked at for them.
    const factors = right === 'initiate' && intentKey === undefined ? await factorsOf(parts, userId, expected) : undefined
    if (factors !== undefined) {
      say(`User ${userId} confirms with:`)
      for (const { kind, masked, proved_at: provedAt } of factors.factors) say(`  ${kind}  ${masked}  proved ${provedAt}`)
    }
    const principals = createPrincipalRepository(parts.mongo.db)
    const before = await principals.find(userId)
    const given = { walletIds, may: [right], approverKeys, ...intentKey !== undefined && { intentKey }, ...factors !== undefined && { factorRoot: factors.factor_root } }
    const after = rightsAfter(before, given)
    if (before !== undefined && after.factorRoot !== before.factorRoot && before.factorRoot !== null) say('Its factors are not those of the last grant: what it had then is not carried over.')
    say(`It may then ${after.may.join(', ')}, with the wallets: ${after.wallets.join(', ') || 'none'}${after.approverKeys.length === 0 ? '' : `, and signs with ${after.approverKeys.join(', ')}`}${after.intentKey === null ? '' : `, and signs its requests with the key ${keyIdOf(after.intentKey)} (RFC 7638 thumbprint)`}`)
    if (factors !== undefined && expected === undefined) say('A masked address fits many people and proves little. Safe is --expect-email with the address that you were told by other means.')
    if (factors === undefined) say('Safe is a key whose address or thumbprint its owner told you by other means.')
    if (expected !== undefined && factors?.matches_expected !== true) throw new Error(`the codes of ${userId} go to another address than the expected one: nothing was granted`)
    if (expected === undefined && options['yes'] !== true && !await agreed()) {
      say('Nothing was granted.')
      return exitCodes.failed
    }
    const grant = createGrantPrincipal({
      principals, wallets: createWalletRepository(parts.mongo.db), audit: parts.audit, transact: parts.transact
    })
    const { principal, changed } = await grant({ userId, ...given })
    await principals.learnAccounts(userId, evmAccounts((factors?.factors ?? []).flatMap(({ kind, masked }) => kind === 'wallet' ? masked : [])))
    print({ ...shown(principal), ...factors !== undefined && { factors: factors.factors }, changed }, () => {
      line(changed ? `Granted: ${userId} may ${principal.may.join(', ')} with ${principal.wallets.join(', ') || 'no wallet'}` : 'It was granted before; nothing changed.')
    })
    return exitCodes.ok
  })
})

/** @throws UsageFault */
function grantOf (options: Readonly<Record<string, unknown>>) {
  const userId = textOption(options, 'user') ?? ''
  if (!Value.Check(UserId, userId)) throw new UsageFault('--user must be a user id: usr_ and 26 characters')
  const right = principalRights.find((one) => one === textOption(options, 'may')) satisfies PrincipalRight | undefined
  if (right === undefined) throw new UsageFault(`--may must be one of ${principalRights.join(', ')}`)
  const walletIds = textsOption(options, 'wallet')
  if (walletIds.length === 0 && right !== 'administer') throw new UsageFault('--wallet is needed: which wallets it is about')
  const key = textOption(options, 'approverKey')
  const address = key === undefined || !Value.Check(EvmAddress, key) ? undefined : checksummed(key)
  if (key !== undefined && address === undefined) throw new UsageFault('--approver-key must be an EVM address with a right checksum')
  if (key !== undefined && right === 'initiate') throw new UsageFault('--approver-key goes with --may approve or --may administer')
  const expected = textOption(options, 'expectEmail')
  if (expected !== undefined && !Value.Check(EmailAddress, expected)) throw new UsageFault('--expect-email must be an e-mail address')
  if (expected !== undefined && right !== 'initiate') throw new UsageFault('--expect-email goes with --may initiate')
  return { userId, right, walletIds, approverKeys: address === undefined ? [] : [address], intentKey: intentKeyOf(options, right), expected }
}

/** @throws UsageFault */
function intentKeyOf (options: Readonly<Record<string, unknown>>, right: PrincipalRight): IntentKey | undefined {
  const [kind, file] = [textOption(options, 'kind') ?? 'user', textOption(options, 'key')]
  if (kind !== 'user' && kind !== 'service') throw new UsageFault('--kind must be user or service')
  if ((kind === 'service') !== (file !== undefined)) throw new UsageFault('--kind service and --key go together')
  if (file === undefined) return undefined
  if (right !== 'initiate' || textOption(options, 'expectEmail') !== undefined) throw new UsageFault('a program may initiate, and has no e-mail address that confirms')
  try {
    return readIntentKey(readFileSync(file, 'utf8'))
  } catch (error) {
    throw new UsageFault(`--key ${file}: ${error instanceof Error ? error.message : 'cannot be read'}`)
  }
}

/** Asked on the signer's own list: the gateway has no say in whose factors these are. */
async function factorsOf ({ commands }: OperatorParts, userId: string, expected: string | undefined) {
  try {
    return await (await commands()).call(describeFactors, { user_id: userId, ...expected !== undefined && { expected_email: expected } }, { requestId: newId('req') })
  } catch (error) {
    if (!(error instanceof Problem)) throw error
    if (error.kind === problems.unavailable) throw new Error('otp-service does not answer: is it running?', { cause: error })
    throw new Error(`otp-service knows no proved factor of ${userId}: ${error.message}`, { cause: error })
  }
}

async function agreed (): Promise<boolean> {
  if (!process.stdin.isTTY) throw new UsageFault('check the address above and give --yes: there is no terminal to ask at')
  const terminal = createInterface({ input: process.stdin, output: process.stderr })
  try {
    return /^y(es)?$/i.test((await terminal.question('Is this the person? (y/N) ')).trim())
  } finally {
    terminal.close()
  }
}

const revokeCommand = (withParts: WithParts): CliCommand => ({
  name: 'principals revoke',
  description: 'Take rights, wallets or keys from a principal, or all of it; what waits is decided without them',
  requiredOptions: [['--user <id>', 'user id, usr_…']],
  options: [
    ['--may <rights...>', `only these rights: ${principalRights.join(', ')}`],
    ['--wallet <ids...>', 'only these wallets'],
    ['--approver-key <addresses...>', 'only these keys, 0x…: one that was lost or stolen'],
    ['--intent-key', 'only the key with which a program signs'],
    ['--dry-run', 'show what would be left, and change nothing']
  ],
  run: async ({ options, print, line }) => {
    const userId = textOption(options, 'user') ?? ''
    if (!Value.Check(UserId, userId)) throw new UsageFault('--user must be a user id: usr_ and 26 characters')
    const taken = takenOf(options)
    return await withParts(async ({ mongo, audit, transact }) => {
      const principals = createPrincipalRepository(mongo.db)
      const before = await principals.find(userId)
      if (options['dryRun'] === true) {
        const left = before === undefined ? undefined : keptBy(before, taken)
        print({ left: left === undefined || left.may.length === 0 ? null : shown(left), changed: false }, () => { line(left === undefined ? `${userId} is no principal.` : leftText(userId, left)) })
        return exitCodes.ok
      }
      const { principal, changed } = await createRevokePrincipal({ principals, audit, transact })(userId, taken)
      print({ left: principal === undefined ? null : shown(principal), changed }, () => { line(changed ? leftText(userId, principal) : 'It had none of that; nothing changed.') })
      return exitCodes.ok
    })
  }
})

const leftText = (userId: string, left: Principal | undefined): string =>
  left === undefined || left.may.length === 0 ? `${userId} may nothing any more.` : `${userId} may still ${left.may.join(', ')}${left.wallets.length > 0 ? ` with ${left.wallets.join(', ')}` : ''}`

/** @throws UsageFault */
function takenOf (options: Readonly<Record<string, unknown>>): Parameters<typeof keptBy>[1] {
  const [rights, wallets, keys] = [textsOption(options, 'may'), textsOption(options, 'wallet'), textsOption(options, 'approverKey')]
  const may = principalRights.filter((right) => rights.includes(right))
  if (may.length !== rights.length) throw new UsageFault(`--may takes ${principalRights.join(', ')}`)
  const approverKeys = keys.map((key) => {
    const address = Value.Check(EvmAddress, key) ? checksummed(key) : undefined
    if (address === undefined) throw new UsageFault('--approver-key must be an EVM address with a right checksum')
    return address
  })
  return { ...rights.length > 0 && { may }, ...wallets.length > 0 && { wallets }, ...keys.length > 0 && { approverKeys }, ...options['intentKey'] === true && { intentKey: true } }
}

const listCommand = (withParts: WithParts): CliCommand => ({
  name: 'principals list',
  description: 'All principals',
  run: async ({ print, table }) => await withParts(async ({ mongo }) => {
    const rows = (await createPrincipalRepository(mongo.db).list()).map(shown)
    print(rows, () => { table(rows.map(({ may, wallets, approver_keys: keys, ...rest }) => ({ ...rest, may: may.join(','), wallets: wallets.join(','), approver_keys: keys.join(',') })), ['id', 'kind', 'may', 'wallets', 'approver_keys', 'granted_at']) })
  })
})
