/**
 * How good a guess is: somebody who holds a session of the account, can read no mail and guesses on until nothing is compared any more, against
 * the real services. Then the session that answered rightly before guesses, too, as if it had been stolen.
 */
import { setTimeout as wait } from 'node:timers/promises'
import type { OtpHouse } from './house.ts'
import type { MailReader } from './mail-reader.ts'
import { answer, askStepUp, elsewhere, sendCode, type Answerable, type Person } from './people.ts'

export interface Guessing {
  /** Wrong codes that were compared until the account was locked for longer than a while: all that a day has. */
  readonly foreign: number
  /** More of them, by a session that had answered rightly before. */
  readonly own: number
  /** Until the next one would be compared. */
  readonly retryAfterSeconds: number
}

/** Of the six digits. */
const codes = 1_000_000
const shortLockSeconds = 60

export async function measureGuessing (house: OtpHouse, mails: MailReader, person: Person): Promise<Guessing> {
  const owner = person
  right(await answer(house, await sendCode(house, mails, await askStepUp(house, owner))))
  const pending: Answerable[] = []
  for (let i = 0; i < 3; i++) pending.push(await sendCode(house, mails, await askStepUp(house, owner)))
  const thief = await elsewhere(house, person)
  const stolen = await guessOn(house, async () => await sendCode(house, mails, await askStepUp(house, thief)))
  const own = await guessOn(house, async () => {
    const next = pending.pop()
    if (next === undefined) throw new Error('a session guessed on beyond what its account has')
    return next
  })
  return { foreign: stolen.compared, own: own.compared, retryAfterSeconds: own.retryAfterSeconds }
}

/** Three guesses at each challenge, and a new one; short locks are waited for. */
async function guessOn (house: OtpHouse, fresh: () => Promise<Answerable>): Promise<{ readonly compared: number, readonly retryAfterSeconds: number }> {
  for (let compared = 0; ;) {
    let challenge: Answerable
    try {
      challenge = await fresh()
    } catch (error) {
      const retryAfterSeconds = lockIn(error instanceof Error ? error.message : '')
      if (retryAfterSeconds === undefined) throw error
      if (retryAfterSeconds > shortLockSeconds) return { compared, retryAfterSeconds }
      await wait(retryAfterSeconds * 1_000)
      continue
    }
    for (let guess = 0; guess < 3; guess++) {
      const { status, body } = await answer(house, { ...challenge, code: String((Number(challenge.code) + 1 + guess) % codes).padStart(6, '0') })
      if (status === 401) compared++
      const retryAfterSeconds = status === 429 ? lockIn(body) : undefined
      if (retryAfterSeconds !== undefined && retryAfterSeconds > shortLockSeconds) return { compared, retryAfterSeconds }
      if (status !== 401) await wait((retryAfterSeconds ?? 1) * 1_000)
    }
  }
}

const lockIn = (text: string): number | undefined => {
  const seconds = /factor-locked.*?"retry_after":(\d+)/.exec(text)?.[1]
  return seconds === undefined ? undefined : Number(seconds)
}

function right ({ status, body }: { readonly status: number, readonly body: string }): void {
  if (status !== 200) throw new Error(`a right code was answered ${status}: ${body}`)
}

/** A hundred wrong ones in a row close the account's codes, so that a year holds more only where the owner answers rightly in between. */
const inARow = 100
const daysOfYear = 365

export function chances ({ foreign, own }: Guessing): readonly string[] {
  const perDay = foreign + own
  const percent = (guesses: number): string => `${(100 * (1 - (1 - 1 / codes) ** guesses)).toPrecision(2)} %`
  return [
    `Guessing, by a run against the real services until nothing was compared any more: ${foreign} wrong codes of an account in 24 hours from a session that never answered rightly, ${own} more from one that did.`,
    `Chance that one account falls to somebody who holds its sessions and reads no mail: ${perDay} in ${codes.toLocaleString('en')} a day (${percent(perDay)}); in a year at most ${percent(inARow)} while its owner answers nothing (${inARow} wrong ones in a row close its codes), ${percent(perDay * daysOfYear)} if the owner answers rightly every day.`,
    `Over all accounts, from one place (an IPv4 address, a /64): 100 wrong codes an hour at the usual limits, ${percent(100 * 24)} for any one of them to be right in a day.`
  ]
}
