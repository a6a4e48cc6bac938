/** `policies set|show`: what may be signed at all. */
import { readFile } from 'node:fs/promises'
import { newId, UsageFault, type CliCommand } from '@countersign/runtime'
import { checksummed } from '../chain/address.ts'
import type { Policy } from '../policies/policy.ts'
import { createPolicyRepository } from '../policies/policy-repository.ts'
import { createSetPolicy } from '../policies/set-policy.ts'
import { PolicyRefused, validatePolicy } from '../policies/validate-policy.ts'
import { createWalletRepository } from '../wallets/wallet-repository.ts'
import { textOption, textsOption } from './options.ts'
import type { WithParts } from './operator-parts.ts'

const shown = ({ id, version, sha256, document, createdAt }: Policy) => ({ id, version, sha256, created_at: createdAt.toISOString(), document })

export const policyCommands = (withParts: WithParts): CliCommand[] => [setCommand(withParts), showCommand(withParts)]

const setCommand = (withParts: WithParts): CliCommand => ({
  name: 'policies set',
  description: 'Make this the whole policy: a JSON file, or one rule from options; a policy that is set already changes nothing',
  options: [
    ['--file <path>', 'JSON document { "rules": [...] }'],
    ['--wallet <ids...>', 'wallets that the one rule allows'],
    ['--destination <addresses...>', 'where they may send to'],
    ['--max-value <wei>', 'most wei of one transfer'],
    ['--max-fee-total <wei>', 'most wei of gas of one transfer'],
    ['--name <name>', 'of the rule (default: transfers)']
  ],
  run: async ({ options, print, line }) => {
    const valid = validatePolicy(await documentOf(options), checksummed)
    return await withParts(async ({ mongo, audit, transact }) => {
      const known = new Set((await createWalletRepository(mongo.db).list()).map(({ id }) => id))
      const missing = valid.document.rules.flatMap(({ wallets = [] }) => wallets).filter((id) => !known.has(id))
      if (missing.length > 0) throw new PolicyRefused([...new Set(missing)].map((id) => `there is no wallet ${id}`))
      const { policy, changed } = await createSetPolicy({ policies: createPolicyRepository(mongo.db), audit, transact, newPolicyId: () => newId('pol') })(valid)
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
