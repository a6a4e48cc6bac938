/** What a kind of factor can do, and whether an answer of it is right. */
import type { FactorKind } from '@countersign/contracts'
import type { Lock } from '../budgets/budget.ts'
import type { Challenge } from '../challenges/challenge.ts'
import type { Codes } from '../challenges/codes.ts'
import type { Factor } from './factor.ts'

/** Wrong, and the last answer that this factor takes until its own lock ends. */
export interface LastWrong { readonly locks: Factor, readonly lock: Lock }

/** `used`: right, and it has answered before: no guess, so nobody is charged for it. A lock of this kind of factor alone: nothing was compared. */
export type Verdict = 'right' | 'wrong' | 'used' | LastWrong | Lock

export interface FactorCheck {
  /** It shows the text of the action to its owner, outside the gateway's reach. */
  readonly shown: boolean
  /** A code must be sent before it can answer. */
  readonly sends: boolean
  /** Its answers have so many bits that wrong ones are no guesses: they cost their question an attempt and the account nothing, and the account's lock stops none. */
  readonly unguessable?: true
  /** Asked once for each attempt that was paid for; it may use something up for good. Absent: no code answers, but a signature. */
  readonly judge?: (challenge: Challenge, factor: Factor, code: string) => Promise<Verdict>
}

export type FactorChecks = Readonly<Record<FactorKind, FactorCheck>>

/** Only the factor that the code went to answers with it. */
export const sentCodeCheck = (codes: Pick<Codes, 'matches'>): FactorCheck => ({
  shown: true,
  sends: true,
  judge: (challenge, factor, code) => Promise.resolve(codes.matches(challenge, code) && challenge.factorId === factor.id ? 'right' : 'wrong')
})

/** The typed data or the text is on the wallet's own screen. */
export const walletCheck: FactorCheck = { shown: true, sends: false }
