import type { FactorCheck } from '../factors/factor-check.ts'

/** A passkey knows its own challenge and nothing of the action, and answers by a signature: no code is one. */
export const passkeyCheck: FactorCheck = { shown: false, sends: false, judge: () => Promise.resolve('wrong') }
