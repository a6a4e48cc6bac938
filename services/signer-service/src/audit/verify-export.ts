/** Checks an exported chain, line by line, with nothing but the public key: no database, no network. */
import type { KeyObject } from 'node:crypto'
import { beginOf, compareRecorded, deploymentChain, isSignedBy, linkHash, type ChainedRow, type Checkpoint } from './audit-chain.ts'
import type { ExportLine } from './export-chain.ts'

export interface AuditFault {
  /** Of the file, counted from 1; 0: the file as a whole. */
  readonly line: number
  readonly fault: string
}

export interface Verdict {
  readonly deployment: string | null
  readonly chain: string | null
  readonly sealed: number
  /** Too young to be sealed when the file was written. */
  readonly unsealed: number
  readonly checkpoints: number
  /** The newest good one of the file: keep it elsewhere, and give it to the next check. */
  readonly newest: { readonly checkpoint: Checkpoint, readonly signature: string } | null
  readonly faults: readonly AuditFault[]
}

export interface VerifyGiven {
  /** Any of them may have signed. */
  readonly publicKeys: readonly KeyObject[]
  /** Kept from before, by whoever does not trust the database: the file may not end before it. */
  readonly known?: readonly { readonly checkpoint: Checkpoint, readonly signature: string }[]
}

const mostFaults = 100

interface Progress {
  deployment: string | null
  chain: string | null
  sequence: number
  hash: string
  recordedAt: string
  unsealed: number
  covered: number
  checkpoints: number
  newest: Verdict['newest']
  readonly seen: Set<string>
  /** Hashes at the numbers of checkpoints that are known from elsewhere. */
  readonly watched: Map<number, string | undefined>
}

/** @param lines of the file. Goes on behind a fault, so that one edit is told as one. */
export async function verifyExport (lines: AsyncIterable<string> | Iterable<string>, { publicKeys, known = [] }: VerifyGiven): Promise<Verdict> {
  const faults: AuditFault[] = []
  const progress: Progress = {
    deployment: null, chain: null, sequence: 0, hash: '', recordedAt: '0:0', unsealed: 0, covered: 0, checkpoints: 0, newest: null,
    seen: new Set(), watched: new Map(known.map(({ checkpoint }) => [checkpoint.sequence, undefined]))
  }
  let number = 0
  const tell = (fault: string, line = number): void => { if (faults.length < mostFaults) faults.push({ line, fault }) }
  for await (const text of lines) {
    number++
    if (text.trim() === '') continue
    const line = parsed(text)
    if (line === undefined) tell('is no line of an export')
    else if (progress.chain === null && line.type !== 'export') tell('stands before the head of the export')
    else check(progress, line, publicKeys, tell)
  }
  end(progress, known, publicKeys, (fault) => { tell(fault, 0) })
  const { deployment, chain, sequence, unsealed, checkpoints, newest } = progress
  return { deployment, chain, sealed: sequence, unsealed, checkpoints, newest, faults }
}

type Tell = (fault: string) => void

function check (progress: Progress, line: ExportLine, keys: readonly KeyObject[], tell: Tell): void {
  switch (line.type) {
    case 'export': return checkHead(progress, line, tell)
    case 'row': return checkRow(progress, line, tell)
    case 'checkpoint': return checkCheckpoint(progress, line, keys, tell)
    case 'unsealed': return checkUnsealed(progress, line.row, tell)
  }
}

function checkHead (progress: Progress, { deployment, chain }: Extract<ExportLine, { type: 'export' }>, tell: Tell): void {
  if (progress.chain !== null) return tell('is a second head: a file holds one chain')
  Object.assign(progress, { deployment, chain, hash: beginOf(deployment, chain) })
}

function checkRow (progress: Progress, { sequence, hash, row }: Extract<ExportLine, { type: 'row' }>, tell: Tell): void {
  if (sequence !== progress.sequence + 1) tell(sequence > progress.sequence ? `rows ${progress.sequence + 1} to ${sequence - 1} are missing` : `row ${sequence} is out of order`)
  if (progress.unsealed > 0) tell(`row ${sequence} stands behind rows that are not sealed`)
  if (row === null) tell(`row ${sequence} was removed from the database`)
  else if (linkHash(sequence, progress.hash, row) !== hash) tell(`row ${sequence} (${row.id}) is not what was sealed`)
  if (row !== null) checkPlace(progress, row, `row ${sequence}`, tell)
  if (progress.watched.has(sequence)) progress.watched.set(sequence, hash)
  // The stated hash: what follows is judged by itself, and the checkpoint judges the whole.
  Object.assign(progress, { sequence, hash, ...row !== null && { recordedAt: row.recorded_at } })
}

function checkPlace (progress: Progress, { id, wallet_id: walletId, recorded_at: recordedAt }: ChainedRow, name: string, tell: Tell): void {
  if (progress.seen.has(id)) tell(`${name} repeats ${id}`)
  progress.seen.add(id)
  if ((walletId ?? deploymentChain) !== progress.chain) tell(`${name} (${id}) belongs to another chain`)
  if (compareRecorded(recordedAt, progress.recordedAt) < 0) tell(`${name} (${id}) was recorded before its predecessor`)
}

function checkCheckpoint (progress: Progress, { checkpoint, signature }: Extract<ExportLine, { type: 'checkpoint' }>, keys: readonly KeyObject[], tell: Tell): void {
  progress.checkpoints++
  const { deployment, chain, sequence, hash } = checkpoint
  if (deployment !== progress.deployment || chain !== progress.chain) return tell('the checkpoint is of another chain')
  if (!isSignedBy(checkpoint, signature, keys)) return tell(`the checkpoint of row ${sequence} is not signed by the given key`)
  if (sequence !== progress.sequence || hash !== progress.hash) return tell(`the checkpoint of row ${sequence} covers other rows than these`)
  Object.assign(progress, { covered: sequence, newest: { checkpoint, signature } })
}

function checkUnsealed (progress: Progress, row: ChainedRow, tell: Tell): void {
  progress.unsealed++
  if (compareRecorded(row.recorded_at, progress.recordedAt) < 0) return tell(`${row.id} stands before rows that are sealed and is not: it was inserted afterwards`)
  checkPlace({ ...progress, recordedAt: '0:0' }, row, 'an unsealed row', tell)
}

function end (progress: Progress, known: NonNullable<VerifyGiven['known']>, keys: readonly KeyObject[], tell: Tell): void {
  if (progress.chain === null) return tell('this is no export')
  if (progress.covered !== progress.sequence) tell(`no good checkpoint covers rows ${progress.covered + 1} to ${progress.sequence}`)
  for (const { checkpoint, signature } of known) {
    const { deployment, chain, sequence, hash } = checkpoint
    if (deployment !== progress.deployment || chain !== progress.chain) tell('the given checkpoint is of another chain')
    else if (!isSignedBy(checkpoint, signature, keys)) tell('the given checkpoint is not signed by the given key')
    else if (sequence > progress.sequence) tell(`the end was cut off: ${sequence} rows were sealed, and ${progress.sequence} are here`)
    else if (progress.watched.get(sequence) !== hash) tell(`row ${sequence} is not the one that the given checkpoint covers`)
  }
}

const types: ReadonlySet<unknown> = new Set<ExportLine['type']>(['export', 'row', 'checkpoint', 'unsealed'])

function parsed (text: string): ExportLine | undefined {
  try {
    const line = JSON.parse(text) as Partial<ExportLine> | null
    return types.has(line?.type) && isWhole(line as ExportLine) ? line as ExportLine : undefined
  } catch {
    return undefined
  }
}

/** What the checks read must be there; that it is true is their business. */
function isWhole (line: ExportLine): boolean {
  switch (line.type) {
    case 'export': return typeof line.deployment === 'string' && typeof line.chain === 'string'
    case 'row': return Number.isSafeInteger(line.sequence) && typeof line.hash === 'string' && (line.row === null || isRow(line.row))
    case 'checkpoint': return typeof line.signature === 'string' && isCheckpoint(line.checkpoint)
    case 'unsealed': return isRow(line.row)
  }
}

const isRow = (row: unknown): boolean => {
  const { id, recorded_at: at, facts } = (row ?? {}) as Partial<Record<keyof ChainedRow, unknown>>
  return typeof id === 'string' && typeof at === 'string' && /^\d{1,10}:\d{1,10}$/.test(at) && typeof facts === 'object' && facts !== null
}

export const isCheckpoint = (given: unknown): given is Checkpoint => {
  const { version, deployment, chain, sequence, hash, sealed_at: at } = (given ?? {}) as Partial<Record<keyof Checkpoint, unknown>>
  return version === 1 && [deployment, chain, hash, at].every((field) => typeof field === 'string') && Number.isSafeInteger(sequence)
}
