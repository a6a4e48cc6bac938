/** `principals grant|list`: who may ask for transactions. Only here, under the operator's own access. */
import { createInterface } from 'node:readline/promises'
import { describeFactors, EmailAddress, problems, Problem, UserId } from '@countersign/contracts'
import { exitCodes, newId, UsageFault, type CliCommand } from '@countersign/runtime'
import { Value } from 'typebox/value'
import { createGrantPrincipal, walletsAfter } from '../principals/grant-principal.ts'
import type { Principal } from '../principals/principal.ts'
import { createPrincipalRepository } from '../principals/principal-repository.ts'
import { createWalletRepository } from '../wallets/wallet-repository.ts'
import { textOption, textsOption } from './options.ts'
import type { OperatorParts, WithParts } from './operator-parts.ts'

const shown = ({ id, kind, may, wallets, factorRoot, grantedAt }: Principal) =>
  ({ id, kind, may, wallets, factor_root: factorRoot, granted_at: grantedAt.toISOString() })

export const principalCommands = (withParts: WithParts): CliCommand[] => [grantCommand(withParts), listCommand(withParts)]

const grantCommand = (withParts: WithParts): CliCommand => ({
  name: 'principals grant',
  description: 'Let a user start transactions from wallets, once its masked address was checked; run again it adds wallets',
  requiredOptions: [
    ['--user <id>', 'user id, usr_…'],
    ['--wallet <ids...>', 'wallet ids, wal_…; may be repeated'],
    ['--may <right>', 'initiate']
  ],
  options: [['--yes', 'do not ask'], ['--expect-email <address>', 'the address you were told by other means: granted without a question when codes go there, refused when not']],
  run: async ({ options, json, print, line }) => await withParts(async (parts) => {
    const userId = textOption(options, 'user') ?? ''
    if (!Value.Check(UserId, userId)) throw new UsageFault('--user must be a user id: usr_ and 26 characters')
    if (textOption(options, 'may') !== 'initiate') throw new UsageFault('--may must be initiate')
    const expected = textOption(options, 'expectEmail')
    if (expected !== undefined && !Value.Check(EmailAddress, expected)) throw new UsageFault('--expect-email must be an e-mail address')
    const { factor_root: factorRoot, factors, matches_expected: matches } = await factorsOf(parts, userId, expected)
    // Under --json standard output carries one document, so the question goes to standard error.
    const say = (text: string): void => { if (json) process.stderr.write(`${text}\n`); else line(text) }
    say(`User ${userId} confirms with:`)
    for (const { kind, masked, proved_at: provedAt } of factors) say(`  ${kind}  ${masked}  proved ${provedAt}`)
    const principals = createPrincipalRepository(parts.mongo.db)
    const before = await principals.find(userId)
    const walletIds = textsOption(options, 'wallet')
    if (before !== undefined && before.factorRoot !== factorRoot) say('Its factors are not those of the last grant: what it had then is not carried over.')
    say(`It may then initiate from: ${walletsAfter(before, { walletIds, factorRoot }).join(', ')}`)
    if (expected === undefined) say('A masked address fits many people and proves little. Safe is --expect-email with the address that you were told by other means.')
    if (expected !== undefined && matches !== true) throw new Error(`the codes of ${userId} go to another address than the expected one: nothing was granted`)
    if (expected === undefined && options['yes'] !== true && !await agreed()) {
      say('Nothing was granted.')
      return exitCodes.failed
    }
    const grant = createGrantPrincipal({
      principals, wallets: createWalletRepository(parts.mongo.db), audit: parts.audit, transact: parts.transact
    })
    const { principal, changed } = await grant({ userId, walletIds, factorRoot })
    print({ ...shown(principal), factors, changed }, () => { line(changed ? `Granted: ${userId} may initiate from ${principal.wallets.join(', ')}` : 'It was granted before; nothing changed.') })
    return exitCodes.ok
  })
})

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

const listCommand = (withParts: WithParts): CliCommand => ({
  name: 'principals list',
  description: 'All principals',
  run: async ({ print, table }) => await withParts(async ({ mongo }) => {
    const rows = (await createPrincipalRepository(mongo.db).list()).map(shown)
    print(rows, () => { table(rows.map(({ may, wallets, ...rest }) => ({ ...rest, may: may.join(','), wallets: wallets.join(',') })), ['id', 'kind', 'may', 'wallets', 'granted_at']) })
  })
})
