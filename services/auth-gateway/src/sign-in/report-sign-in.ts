/** Every sign-in and every refused one, told alike whatever the login was: counted, logged, and kept in the audit. */
import type { WalletFamily, WalletType } from '@countersign/contracts'
import type { Audit } from '@countersign/mongo'
import type { Logger, Metrics } from '@countersign/runtime'
import { LRUCache } from 'lru-cache'

/** As the metric's label `wallet_type` and the audit's `method` have it. */
export type SignInMethod = WalletFamily | WalletType | 'password' | 'email_code' | 'passkey'

export interface Refusal {
  readonly method: SignInMethod
  /** Which the caller is never told. */
  readonly reason: string
  readonly requestId: string
  /** Whom the audit's row is about; the method when that is not known. */
  readonly subject?: string
}

export interface SignInReport {
  readonly refused: (refusal: Refusal) => Promise<void>
  readonly succeeded: (method: SignInMethod) => void
}

export interface ReportDeps {
  readonly audit: Pick<Audit, 'append'>
  readonly metrics: Pick<Metrics, 'counter'>
  readonly log: Pick<Logger, 'info'>
}

const mailed: readonly SignInMethod[] = ['password', 'email_code']

export function createSignInReport ({ audit, metrics, log }: ReportDeps): SignInReport {
  const authentications = metrics.counter({ name: 'wallet_authentications_total', help: 'Sign-ins by wallet type, password, mailed code or passkey, and outcome', labels: ['wallet_type', 'status'] })
  const told = new LRUCache<SignInMethod, true>({ max: 100, ttl: 60_000 })
  return {
    async refused ({ method, reason, requestId, subject = method }) {
      authentications.inc({ wallet_type: method, status: 'failure' })
      log.info({ wallet_type: method, reason, requestId }, mailed.includes(method) ? 'sign-in refused' : 'signature verification refused')
      // Texts that nobody issued are counted above. Anybody can make up any number of them, and a row is kept for ever: one a minute tells that it goes on.
      if (reason === 'challenge' && told.has(method)) return
      if (reason === 'challenge') told.set(method, true)
      await audit.append({ event: 'sign_in.failed', subject, requestId, facts: { method, reason } })
    },
    succeeded: (method) => { authentications.inc({ wallet_type: method, status: 'success' }) }
  }
}
