/** Second proofs by mailed code, whole and in their halves, and what a page asks for while it waits. */
import { readFactors } from '@countersign/contracts'
import { createReceiptSigner, generateReceiptKey } from '@countersign/secrets'
import type { Ceilings } from '../gateway/ceilings.ts'
import { ask } from '../gateway/house.ts'
import { inFlight, measurePath, operationsFor, together, type PathMeasured } from '../gateway/report.ts'
import { oneAfterAnother } from '../gateway/sign-in.ts'
import { closedLoop, rateOf } from '../load/measure.ts'
import type { OtpHouse } from './house.ts'
import type { MailReader } from './mail-reader.ts'
import { answer, askStepUp, manyOf, sendCode, type Answerable, type Person, type Question } from './people.ts'

export async function measureCodes (house: OtpHouse, mails: MailReader, people: readonly Person[], { get, post }: Pick<Ceilings, 'get' | 'post'>): Promise<PathMeasured[]> {
  const receipts = await receiptsPerSecond()
  let turn = 0
  const next = (): Person => people[turn++ % people.length] as Person

  const status = await measurePath(house, {
    name: 'status: the own factors', floor: 2_000, ceiling: get,
    operation: async () => await ask(house.http, { method: 'GET', path: readFactors.path, headers: next().headers })
  })

  // Each person has one code on its way at a time: the reader tells codes apart by their address.
  const free = [...people]
  const borrowed = async <T>(work: (person: Person) => Promise<T>): Promise<T> => {
    const person = free.shift()
    if (person === undefined) throw new Error('more in flight than people')
    try {
      return await work(person)
    } finally {
      free.push(person)
    }
  }
  const whole = await measurePath(house, {
    name: 'step-up: asked for, code sent, verified', ceiling: together(post, post, post, receipts),
    operation: () => borrowed(async (person) => { right(await answer(house, await sendCode(house, mails, await askStepUp(house, person)))) })
  })

  const pair = await prepared(house, {
    name: 'code sent and verified', floor: 450, ceiling: together(post, post, receipts),
    prepare: () => borrowed((person) => askStepUp(house, person)),
    operation: async (question: Question) => { right(await answer(house, await sendCode(house, mails, question))) }
  })
  const verify = await prepared(house, {
    name: '`verify` alone, of a stored challenge', floor: 1_000, ceiling: together(post, receipts),
    prepare: () => borrowed(async (person) => await sendCode(house, mails, await askStepUp(house, person))),
    operation: async (answerable: Answerable) => { right(await answer(house, answerable)) }
  })
  return [status, whole, pair, verify]
}

interface Prepared<T> {
  readonly name: string
  readonly floor: number
  readonly ceiling: number
  readonly prepare: () => Promise<T>
  readonly operation: (given: T) => Promise<unknown>
}

const trial = 700

/** Each operation uses something up that is made before anything is timed: as many as a short trial says will be needed. */
async function prepared<T> (house: OtpHouse, { name, floor, ceiling, prepare, operation }: Prepared<T>): Promise<PathMeasured> {
  const given = await manyOf(trial, prepare)
  const first = await closedLoop(async () => { const one = given.pop(); if (one !== undefined) await operation(one) }, { inFlight, ms: 800 })
  given.push(...await manyOf(operationsFor(Math.min(1.25 * first.perSecond, 3 * floor)), prepare))
  const take = oneAfterAnother(given)
  return await measurePath(house, { name, floor, ceiling, operation: () => operation(take()) })
}

function right ({ status, body }: { readonly status: number, readonly body: string }): void {
  if (status !== 200) throw new Error(`a right code was answered ${status}: ${body}`)
}

/** The bare signature of a receipt, on one core. */
async function receiptsPerSecond (): Promise<number> {
  const { sign } = createReceiptSigner(generateReceiptKey().privateJwk)
  const claims: Parameters<typeof sign>[0] = {
    jti: 'rcp_01HZZZZZZZZZZZZZZZZZZZZZZZ', challenge_id: 'chl_01HZZZZZZZZZZZZZZZZZZZZZZZ', aud: 'auth-gateway', purpose: 'step_up', sub: 'usr_01HZZZZZZZZZZZZZZZZZZZZZZZ',
    factor_root: 'A'.repeat(43), factor_kind: 'email_code', shown: true, factor_age_seconds: 0, action_digest: `0x${'0'.repeat(64)}`, text_sha256: '0'.repeat(64), iat: 0
  }
  return await rateOf(() => sign(claims), 500)
}
