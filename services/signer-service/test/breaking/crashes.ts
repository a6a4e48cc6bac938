/** The real process, killed at one named point after the other, and started again each time with one more payment. */
import { setTimeout as wait } from 'node:timers/promises'
import { until, type TestContext } from '@countersign/testing'
import type { CrashPointName } from '../../src/crash-points.ts'
import type { House } from '../house.ts'
import { runSigner } from './scenarios.ts'
import { allFinal, pay, type Payment } from './storm.ts'

export interface Killing {
  readonly points: readonly CrashPointName[]
  /** For points that are passed only where the chain makes it so: called over and over until the process is dead. */
  readonly provoke?: (point: CrashPointName) => Promise<void>
  readonly timeoutMs: number
}

export interface Crashing extends Killing {
  /** Called over and over while everything comes to its end. */
  readonly calm?: () => Promise<void>
}

/** @param ask once for each point. @returns what was asked for, and the points at which no process died. */
export async function killAt<Asked> (t: TestContext, house: House, { points, provoke = async () => {}, timeoutMs }: Killing, ask: (index: number) => Promise<Asked>): Promise<{ asking: Promise<Asked>[], missed: CrashPointName[] }> {
  const asking: Promise<Asked>[] = []
  const missed: CrashPointName[] = []
  for (const [index, point] of points.entries()) {
    const victim = runSigner(t, house, { CRASH_AT: point })
    const asked = ask(index)
    asked.catch(() => undefined)
    asking.push(asked)
    const died = (): boolean => victim.child.exitCode !== null || victim.child.signalCode !== null
    await until(async () => {
      // A command that nobody lives to answer is not waited for.
      await Promise.race([provoke(point), victim.exited])
      return died()
    }, { what: `the process to die at ${point}`, timeoutMs, everyMs: 100 }).catch(() => undefined)
    if (victim.child.signalCode !== 'SIGKILL' || victim.output().includes('uncaught')) missed.push(point)
    victim.child.kill('SIGKILL')
  }
  return { asking, missed }
}

/** @returns the payments, all final, and the points at which no process died. */
export async function crashAt (t: TestContext, house: House, { calm = async () => {}, ...killing }: Crashing): Promise<{ payments: Payment[], missed: CrashPointName[] }> {
  const { timeoutMs } = killing
  const { asking, missed } = await killAt(t, house, killing, async (index) => await pay(house, index, timeoutMs))
  await house.start()
  let over = false
  const all = Promise.all(asking)
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
