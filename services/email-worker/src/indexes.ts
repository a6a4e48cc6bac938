/** The indexes of this service's collections. */
import { stores } from '@countersign/contracts'
import type { IndexSpec } from '@countersign/mongo'

const thirtyDaysInSeconds = 30 * 86_400

export const indexes: readonly IndexSpec[] = [
  { collection: 'deliveries', name: 'expiry', key: { closed_at: 1 }, expireAfterSeconds: thirtyDaysInSeconds },
  // Those whose worker and whose job were both lost. A mail is useful for a day at most, so that nobody comes back to them.
  { collection: 'deliveries', name: 'abandoned_expiry', key: { lease_until: 1 }, expireAfterSeconds: thirtyDaysInSeconds, partialFilterExpression: { state: 'claimed' } },
  ...stores['email-worker'].insertOnlyIndexes
]
