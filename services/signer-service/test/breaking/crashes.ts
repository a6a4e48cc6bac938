/** The real process, killed at one named point after the other, and started again each time with one more payment. */
import { setTimeout as wait } from 'node:timers/promises'
import { until, type TestContext } from '@countersign/testing'
import type { CrashPointName } from '../../src/crash-points.ts'
import type { House } from '../house.ts'
import { runSigner } from './scenarios.ts'
import { allFinal, pay, type Payment } from './storm.ts'

export interface Crashing {
  readonly points: readonly CrashPointName[]
  /** For points that are passed only where the chain makes it so: called over and over until the process is dead. */
  readonly provoke?: (point: CrashPointName) => Promise<void>
  /** Called over and over while everything comes to its end. */
  readonly calm?: () => Promise<void>
  readonly timeoutMs: number
}

/** @returns the payments, all final, and the points at which no process died. */
export async function crashAt (t: TestContext, house: House, { points, provoke = async () => {}, calm = async () => {}, timeoutMs }: Crashing): Promise<{ payments: Payment[], missed: CrashPointName[] }> {
  const paying: Promise<Payment>[] = []
  const missed: CrashPointName[] = []
  for (const [index, point] of points.entries()) {
    const victim = runSigner(t, house, { CRASH_AT: point })
    const payment = pay(house, index, timeoutMs)
    payment.catch(() => undefined)
    paying.push(payment)
    const died = (): boolean => victim.child.exitCode !== null || victim.child.signalCode !== null
    await until(async () => {
      await provoke(point)
      return died()
    }, { what: `the process to die at ${point}`, timeoutMs, everyMs: 100 }).catch(() => undefined)
    if (victim.child.signalCode !== 'SIGKILL' || victim.output().includes('uncaught')) missed.push(point)
    victim.child.kill('SIGKILL')
  }
  await house.start()
  let over = false
  const all = Promise.all(paying)
  const receipts = bringReceipts(house, () => over)
  const final = all.then(async (payments) => { await allFinal(house, payments, timeoutMs) }).finally(() => { over = true })
  final.catch(() => undefined)
  while (!over) {
    await calm()
    await wait(200)
  }
  await Promise.all([receipts, final])
  return { payments: await all, missed }
}

/** As the outbox of otp-service does for every receipt that nobody has seen arrive. */
async function bringReceipts ({ otp, row }: House, over: () => boolean): Promise<void> {
  const brought = new Set<string>()
  while (!over()) {
    for (const { receipt, claims } of otp.issued) {
      const id = otp.challenges.get(claims.challenge_id)?.text.match(/tx_[A-Za-z0-9]+/)?.[0] ?? ''
      if (brought.has(claims.jti) || (await row(id))?.state !== 'awaiting_confirmation') continue
      brought.add(claims.jti)
      await otp.addJob(receipt, claims)
    }
    await wait(200)
  }
}
