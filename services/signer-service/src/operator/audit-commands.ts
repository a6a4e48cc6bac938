/** `audit export|checkpoint|public-key|verify`: the sealed chain of what happened. `verify` needs neither database nor environment. */
import { createReadStream } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { createInterface } from 'node:readline'
import { exitCodes, UsageFault, type CliCommand } from '@countersign/runtime'
import { deploymentChain, type Checkpoint } from '../audit/audit-chain.ts'
import { createExportChain } from '../audit/export-chain.ts'
import { pemOfPublicKey, readPublicKey } from '../audit/public-key.ts'
import { createSealRepository } from '../audit/seal-repository.ts'
import { isCheckpoint, verifyExport } from '../audit/verify-export.ts'
import { textOption, textsOption } from './options.ts'
import type { WithParts } from './operator-parts.ts'

export const auditCommands = (withParts: WithParts): CliCommand[] => [exportCommand(withParts), checkpointCommand(withParts), publicKeyCommand(withParts), verifyCommand]

const whose = ['--wallet <id>', 'chain of this wallet; default: of the deployment (policies, principals, refusals)'] as const

const chainOf = (options: Readonly<Record<string, unknown>>): string => {
  const wallet = textOption(options, 'wallet')
  if (wallet !== undefined && !wallet.startsWith('wal_')) throw new UsageFault('--wallet must be a wallet id, wal_…')
  return wallet ?? deploymentChain
}

const exportCommand = (withParts: WithParts): CliCommand => ({
  name: 'audit export',
  description: 'A chain as lines of JSON on standard output: rows, their hashes, signed checkpoints',
  options: [whose],
  run: async ({ options, line }) => await withParts(async ({ mongo, config }) => {
    const exportChain = createExportChain({ seals: createSealRepository(mongo.db), deployment: config.deployment })
    for await (const one of exportChain(chainOf(options))) line(JSON.stringify(one))
  })
})

const checkpointCommand = (withParts: WithParts): CliCommand => ({
  name: 'audit checkpoint',
  description: 'The newest checkpoint of a chain, as one line of JSON: kept elsewhere, it shows later whether the end was cut off',
  options: [whose],
  run: async ({ options, line }) => await withParts(async ({ mongo }) => {
    const newest = await createSealRepository(mongo.db).newest(chainOf(options))
    if (newest === undefined) throw new Error('nothing is sealed in this chain yet')
    line(JSON.stringify({ type: 'checkpoint', checkpoint: newest.checkpoint, signature: newest.signature }))
  })
})

const publicKeyCommand = (withParts: WithParts): CliCommand => ({
  name: 'audit public-key',
  description: 'The public half of AUDIT_KMS_KEY_ID, which checkpoints are checked with',
  run: async ({ print, line }) => await withParts(async ({ config, keyRing }) => {
    if (config.audit.keyId === undefined) throw new UsageFault('AUDIT_KMS_KEY_ID is not set: nothing is sealed')
    const publicKey = await keyRing.publicKey(config.audit.keyId)
    const shown = { key_id: config.audit.keyId, public_key: `0x${Buffer.from(publicKey).toString('hex')}`, pem: pemOfPublicKey(publicKey) }
    print(shown, () => { line(shown.pem.trimEnd()) })
  })
})

const verifyCommand: CliCommand = {
  name: 'audit verify',
  description: 'Check an export offline: exit 1 when a row was edited, removed, inserted or moved, the end was cut off, or a checkpoint is forged',
  args: [['<file>', 'what audit export printed']],
  requiredOptions: [['--public-key <keys...>', 'of the audit key, as hex (04…) or a PEM file; several where it was replaced']],
  options: [
    ['--checkpoint <files...>', 'what audit checkpoint printed earlier: the export may not end before it'],
    ['--wallet <id>', 'the chain must be of this wallet']
  ],
  run: async ({ args: [file = ''], options, print, line }) => {
    const publicKeys = await Promise.all(textsOption(options, 'publicKey').map(readKey))
    const known = (await Promise.all(textsOption(options, 'checkpoint').map(readCheckpoints))).flat()
    const wallet = textOption(options, 'wallet')
    const verdict = await verifyExport(createInterface({ input: createReadStream(file, 'utf8'), crlfDelay: Infinity }), { publicKeys, known })
    const faults = wallet === undefined || verdict.chain === wallet ? verdict.faults : [{ line: 0, fault: `the chain is ${String(verdict.chain)}` }, ...verdict.faults]
    print({ ...verdict, faults, ok: faults.length === 0 }, () => {
      line(`Deployment ${String(verdict.deployment)}, chain ${String(verdict.chain)}: ${verdict.sealed} rows sealed under ${verdict.checkpoints} checkpoints, ${verdict.unsealed} not sealed yet.`)
      for (const { line: number, fault } of faults) line(number === 0 ? `FAULT: ${fault}` : `FAULT in line ${number}: ${fault}`)
      if (faults.length === 0) line(`Nothing was edited, removed, inserted or moved${known.length === 0 ? ' up to the newest checkpoint of this file; give --checkpoint to know that its end was not cut off' : ''}.`)
    })
    return faults.length === 0 ? exitCodes.ok : exitCodes.failed
  }
}

async function readKey (given: string) {
  const text = /^(0x)?04[0-9a-f]{128}$/i.test(given) ? given : await readFile(given, 'utf8')
  try {
    return readPublicKey(text)
  } catch (error) {
    throw new UsageFault(`--public-key ${given.slice(0, 80)}: ${error instanceof Error ? error.message : 'no key'}`)
  }
}

async function readCheckpoints (file: string): Promise<{ checkpoint: Checkpoint, signature: string }[]> {
  return (await readFile(file, 'utf8')).split('\n').filter((text) => text.trim() !== '').map((text) => {
    const { checkpoint, signature } = JSON.parse(text) as { readonly checkpoint?: unknown, readonly signature?: unknown }
    if (!isCheckpoint(checkpoint) || typeof signature !== 'string') throw new UsageFault(`${file} holds no checkpoints`)
    return { checkpoint, signature }
  })
}
