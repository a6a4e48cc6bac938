import type { Route } from '../route.ts'
import { challengeEvm, logout, refreshSession, verifyEvm } from './auth.ts'
import { beginEmail, confirmEmail, readMe } from './me.ts'
import { postChallenge, postConfirmation, postTransaction, readTransaction, readTransactions } from './transactions.ts'

/** Every documented route of the gateway. */
export const routes: readonly Route[] = Object.freeze([
  challengeEvm, verifyEvm, refreshSession, logout,
  readMe, beginEmail, confirmEmail,
  postTransaction, readTransactions, readTransaction, postConfirmation, postChallenge
])
