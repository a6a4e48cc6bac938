/** `policies set|show|explain`: what may be signed at all, and why. */
import { readFile } from 'node:fs/promises'
import { newId, UsageFault, type CliCommand } from '@countersign/runtime'
import { DryRunTransaction, Problem } from '@countersign/contracts'
import { Value } from 'typebox/value'
import { usualMulticall3 } from '../calls/multicall3.ts'
import { parseCalls } from '../calls/parse-calls.ts'
import { checksummed } from '../chain/address.ts'
import type { Policy } from '../policies/policy.ts'
import { createPolicyRepository } from '../policies/policy-repository.ts'
import { missingWallets } from '../policies/change-policy.ts'
import { createExplainPolicy } from '../policies/explain-policy.ts'
import { createWindowRepository } from '../policies/window-repository.ts'
import { createSetPolicy } from '../policies/set-policy.ts'
import { PolicyRefused, validatePolicy } from '../policies/validate-policy.ts'
import { askedInVain } from '../signatures/message.ts'
import { createWalletRepository } from '../wallets/wallet-repository.ts'
import { textOption, textsOption } from './options.ts'
import type { WithParts } from './operator-parts.ts'

const shown = ({ id, version, sha256, document, createdAt }: Policy) => ({ id, version, sha256, created_at: createdAt.toISOString(), document })

export const policyCommands = (withParts: WithParts): CliCommand[] => [setCommand(withParts), showCommand(withParts), explainCommand(withParts)]

const setCommand = (withParts: WithParts): CliCommand => ({
  name: 'policies set',
  description: 'Make this the first policy: a JSON file, or one rule from options; a policy that is set already changes nothing. Administrators sign later ones',
  options: [
    ['--file <path>', 'JSON document { "rules": [...] }'],
    ['--wallet <ids...>', 'wallets that the one rule allows'],
    ['--destination <addresses...>', 'where they may send to'],
    ['--max-value <wei>', 'most wei of one transfer'],
    ['--max-fee-total <wei>', 'most wei of gas of one transfer'],
    ['--name <name>', 'of the rule (default: transfers)'],
    ['--break-glass <why>', 'set a later version without an administrator\'s signature: the reason, up to 200 characters, is kept in the audit']
  ],
  run: async ({ options, print, line }) => {
    const valid = validatePolicy(await documentOf(options), checksummed)
    const breakGlass = textOption(options, 'breakGlass')
    if (breakGlass !== undefined && !/^[^\p{Cc}]{1,200}$/u.test(breakGlass)) throw new UsageFault('--break-glass is a reason of up to 200 characters')
    return await withParts(async ({ mongo, audit, transact }) => {
      const missing = missingWallets(valid, (await createWalletRepository(mongo.db).list()).map(({ id }) => id))
      if (missing.length > 0) throw new PolicyRefused(missing.map((id) => `there is no wallet ${id}`))
      const { policy, changed } = await createSetPolicy({ policies: createPolicyRepository(mongo.db), audit, transact, newPolicyId: () => newId('pol') })(valid, { firstOnly: breakGlass === undefined, ...breakGlass !== undefined && { breakGlass } })
      print({ ...shown(policy), changed }, () => { line(changed ? `Policy ${policy.id} is at version ${policy.version}.` : `Version ${policy.version} says the same already; nothing changed.`) })
    })
  }
})

async function documentOf (options: Readonly<Record<string, unknown>>): Promise<unknown> {
  const file = textOption(options, 'file')
  const wallets = textsOption(options, 'wallet')
  const destinations = textsOption(options, 'destination')
  const maxValue = textOption(options, 'maxValue')
  const maxFeeTotal = textOption(options, 'maxFeeTotal')
  const name = textOption(options, 'name')
  if (file !== undefined) {
    if (wallets.length + destinations.length > 0 || [maxValue, maxFeeTotal, name].some((given) => given !== undefined)) throw new UsageFault('give either --file or the rule\'s options')
    return parsed(await readFile(file, 'utf8'), file)
  }
  if (wallets.length === 0 || destinations.length === 0 || maxValue === undefined) throw new UsageFault('give --file, or --wallet, --destination and --max-value')
  return {
    rules: [{
      name: name ?? 'transfers', effect: 'allow', wallets, destinations, max_value: maxValue,
      ...maxFeeTotal !== undefined && { max_fee_total: maxFeeTotal }, require: { shown_proof: true }
    }]
  }
}

function parsed (text: string, file: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    throw new PolicyRefused([`${file} is not JSON`])
  }
}

const showCommand = (withParts: WithParts): CliCommand => ({
  name: 'policies show',
  description: 'The policy in force',
  run: async ({ print, line }) => await withParts(async ({ mongo }) => {
    const policy = (await createPolicyRepository(mongo.db).current())?.policy
    if (policy === undefined) throw new Error('there is no policy: nothing is allowed')
    print(shown(policy), () => { line(JSON.stringify(shown(policy), null, 2)) })
  })
})

const explainCommand = (withParts: WithParts): CliCommand => ({
  name: 'policies explain',
  description: 'Which rule would decide a transaction, and why; nothing is made and nothing reserved',
  requiredOptions: [
    ['--initiator <id>', 'principal that would ask, usr_…'],
    ['--wallet <id>', 'wallet that would send'],
    ['--chain <id>', 'EIP-155 chain id'],
    ['--to <address>', 'account or contract that would be called']
  ],
  options: [
    ['--value <wei>', 'wei sent along (default: 0)'],
    ['--data <hex>', 'data of the call, 0x…'],
    ['--file <path>', 'a document to ask instead of the policy in force']
  ],
  run: async ({ options, print, line }) => {
    const file = textOption(options, 'file')
    const data = textOption(options, 'data')?.toLowerCase()
    const transaction = {
      initiator: textOption(options, 'initiator'), wallet_id: textOption(options, 'wallet'), chain_id: Number(textOption(options, 'chain')), to: textOption(options, 'to'),
      value: textOption(options, 'value') ?? '0', ...data !== undefined && { data }
    }
    if (!Value.Check(DryRunTransaction, transaction)) throw new UsageFault([...Value.Errors(DryRunTransaction, transaction)].map(({ instancePath, message }) => `${instancePath.slice(1)} ${message}`).join('; '))
    const document = file === undefined ? undefined : parsed(await readFile(file, 'utf8'), file)
    await withParts(async ({ mongo: { db } }) => {
      const explain = createExplainPolicy({
        policies: createPolicyRepository(db), windows: createWindowRepository(db), wallets: createWalletRepository(db), checksummed, aboutSignature: askedInVain,
        callsOf: ({ from, to, value, data: bytes }) => parseCalls({ to, value: BigInt(value), data: bytes }, { from, multicall3: usualMulticall3 })
      })
      const explanation = await explain({ transaction, ...document !== undefined && { document } }).catch(inWords)
      print(explanation, () => {
        line(`${explanation.allowed ? `Allowed by the rule "${explanation.rule}"` : explanation.detail ?? 'Denied'}`)
        for (const { name, effect, call, says } of explanation.rules) line(`  call ${call}  ${effect}  "${name}": ${says}`)
        if (explanation.requirements !== undefined) line(`Requires: ${JSON.stringify(explanation.requirements)}`)
        for (const { window, holds, takes } of explanation.windows) line(`Takes ${takes} of the window ${window}, which holds ${holds}`)
      })
    })
  }
})

function inWords (error: unknown): never {
  if (error instanceof Problem && error.extensions.faults !== undefined) throw new PolicyRefused(error.extensions.faults.map(({ path, message }) => `${path} ${message}`))
  throw error
}
