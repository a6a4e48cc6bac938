/**
 * Signs what was approved, once: decided again, compared with what was written down when it was asked for, signed in the KMS and kept in the
 * Mongo transaction that moves its row. What was signed and not kept, since a process died in between, was never given to anybody.
 */
import { hexToBytes, numberToHex } from 'viem'
import type { KeyRing } from '@countersign/kms'
import type { NoteRefused } from '../audit/note-refused.ts'
import { ForeignSignature } from '../chain/signed-bytes.ts'
import type { CrashPoint } from '../crash-points.ts'
import type { AskAgain } from '../lanes/ask-again.ts'
import type { FindAltered } from '../lanes/find-altered.ts'
import type { RecordOne } from '../transactions/record-move.ts'
import type { Transact } from '../unit.ts'
import type { WalletRepository } from '../wallets/wallet-repository.ts'
import { messageDigest, messageOfPayload } from './message.ts'
import type { Signature } from './signature.ts'
import type { SignatureRepository } from './signature-repository.ts'

export interface SignApprovedDeps {
  readonly signatures: Pick<SignatureRepository, 'find' | 'listApproved' | 'keepSignature'>
  readonly wallets: Pick<WalletRepository, 'find'>
  readonly keyRing: Pick<KeyRing, 'signDigest'>
  readonly askAgain: AskAgain<Signature>
  readonly findAltered: FindAltered<Signature>
  readonly recordOne: RecordOne<Signature>
  readonly noteRefused: NoteRefused
  readonly transact: Transact
  readonly crashPoint: CrashPoint
  /** Tells of a row that could not be signed now. */
  readonly failed: (row: Signature, error: unknown) => void
}

export interface SignApproved {
  /** Signs it now, if that can be done. Never throws for what may be done later. @returns the row as it is then */
  readonly soon: (row: Signature) => Promise<Signature>
  /** Signs whatever waits for it. Any number of processes may do it: each row is signed once. */
  readonly all: () => Promise<void>
}

const batch = 100

export function createSignApproved (deps: SignApprovedDeps): SignApproved {
  const { signatures, failed } = deps
  const soon = async (row: Signature): Promise<Signature> => {
    if (row.state !== 'approved') return row
    try {
      await signOne(deps, row.id)
    } catch (error) {
      failed(row, error)
    }
    return await signatures.find(row.id) ?? row
  }
  return { soon, all: async () => { for (const row of await signatures.listApproved(batch)) await soon(row) } }
}

async function signOne (deps: SignApprovedDeps, id: string): Promise<void> {
  const row = await stillAllowed(deps, id)
  const wallet = row && await deps.wallets.find(row.walletId)
  if (row === undefined || wallet === undefined) return
  await deps.crashPoint('signature.approved')
  if ((await deps.findAltered([row])).has(row.id)) {
    await deps.noteRefused({ event: 'signature.altered', source: 'database', reason: 'altered', subject: row.id, walletId: row.walletId })
    throw new Error('this signature is not what was asked for: its row was changed in the database, and is not signed')
  }
  const digest = messageDigest(messageOfPayload(row.payload))
  const { r, s, yParity, address } = await deps.keyRing.signDigest(wallet.keyId, hexToBytes(digest))
  if (address !== row.address) throw new ForeignSignature('the signature does not recover the address of the wallet')
  const signature = `${numberToHex(r, { size: 32 })}${numberToHex(s, { size: 32 }).slice(2)}${(27 + yParity).toString(16)}`
  await deps.crashPoint('signature.signed')
  await deps.transact(async (unit) => {
    const moved = await deps.recordOne(unit, row, { from: 'approved', to: 'signed', when: 'valid' }, { facts: { message_digest: digest } })
    if (moved !== undefined) await deps.signatures.keepSignature(id, signature, unit)
    await deps.crashPoint('signature.storing')
  })
  await deps.crashPoint('signature.stored')
}

/** @returns undefined when it is not to be signed, for now or for good. */
async function stillAllowed ({ signatures, askAgain, recordOne, transact }: SignApprovedDeps, id: string): Promise<Signature | undefined> {
  return await transact(async (unit) => {
    const row = await signatures.find(id, unit)
    if (row?.state !== 'approved') return undefined
    const [decided] = await askAgain(unit, [row])
    if (typeof decided === 'object') await recordOne(unit, row, { from: 'approved', to: 'rejected', set: { failure: decided.failure } }, { facts: decided.facts })
    return decided === 'goes' ? row : undefined
  })
}
