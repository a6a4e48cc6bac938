/** The earlier OTP system's security audit. What was not looked at is said so, and is no success. */
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { verifyIndexes, type IndexSpec } from '@countersign/mongo'
import type { Db } from 'mongodb'
import { createTallyRepository } from './tally-repository.ts'

export interface AuditCheck {
  readonly check: string
  readonly state: 'holds' | 'failed' | 'skipped'
  readonly detail: string
}

export interface AuditOtpOptions {
  readonly db: Db
  readonly indexes: readonly IndexSpec[]
  /** Folder of logs. */
  readonly logs: string | undefined
  /** Where the gateway answers. */
  readonly gateway: string | undefined
}

const holdsIf = (check: string, holds: boolean, detail: string): AuditCheck => ({ check, state: holds ? 'holds' : 'failed', detail })

export async function auditOtp ({ db, indexes, logs, gateway }: AuditOtpOptions): Promise<AuditCheck[]> {
  const checks = [await storedCodes(db), await rightIndexes(db, indexes), await counting(db)]
  checks.push(logs === undefined ? { check: 'no code in logs', state: 'skipped', detail: 'give --logs <folder>' } : await logsWithoutCodes(logs))
  return [...checks, ...gateway === undefined ? [{ check: 'the gateway refuses strangers', state: 'skipped', detail: 'give --gateway <url>' } as const] : await strangers(gateway)]
}

async function storedCodes (db: Db): Promise<AuditCheck> {
  const plain = { code_mac: { $ne: null }, $or: [{ code_mac: { $not: /^[A-Za-z0-9_-]{43}$/ } }, { pepper_id: null }] }
  const found = await Promise.all(['challenges', 'mailbox_challenges'].map((name) => db.collection(name).countDocuments(plain)))
  const count = found.reduce((sum, one) => sum + one, 0)
  return holdsIf('codes are kept as HMAC under a pepper', count === 0, `${count} are not`)
}

async function rightIndexes (db: Db, indexes: readonly IndexSpec[]): Promise<AuditCheck> {
  const differences = await verifyIndexes(db, indexes)
  return holdsIf('indexes are as wanted', differences.length === 0, `${differences.length} differ; countersign db indexes verify names them`)
}

async function counting (db: Db): Promise<AuditCheck> {
  const overdue = await createTallyRepository(db).countOverdue()
  return holdsIf('ended challenges are counted and removed', overdue === 0, `${overdue} wait for longer than a day`)
}

/** A field or a word that says code or OTP, and six digits after it. */
const codeInLog = /\b(otp|code)\b["']?\s*[:=]\s*["']?\d{6}\b(?!\d)/i

async function logsWithoutCodes (folder: string): Promise<AuditCheck> {
  const files = (await readdir(folder)).filter((name) => name.endsWith('.log'))
  const found: string[] = []
  for (const name of files) if (codeInLog.test(await readFile(join(folder, name), 'utf8'))) found.push(name)
  return holdsIf('no code in logs', found.length === 0, found.length === 0 ? `${files.length} files read` : found.join(', '))
}

async function strangers (gateway: string): Promise<AuditCheck[]> {
  const status = new URL('/api/wallet/otp/status?purpose=wallet_funding', gateway)
  const send = new URL('/api/wallet/otp/send', gateway)
  const [without, forged] = await Promise.all([
    fetch(status),
    fetch(send, { method: 'POST', headers: { authorization: 'Bearer FAKE', 'content-type': 'application/json' }, body: '{"purpose":"wallet_funding","email":"test@example.com"}' })
  ])
  const secure = status.protocol === 'https:' && without.headers.has('strict-transport-security')
  return [
    holdsIf('without a token the status is refused', without.status === 401 && /unauthorized/i.test(await without.text()), `answered ${without.status}`),
    holdsIf('with a forged token nothing is sent', forged.status === 401, `answered ${forged.status}`),
    status.protocol === 'https:' ? holdsIf('HTTPS is strict', secure, 'Strict-Transport-Security') : { check: 'HTTPS is strict', state: 'skipped', detail: 'the address is http' }
  ]
}
