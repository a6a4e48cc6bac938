/**
 * The nonce of a new transfer is the highest of
 * - one more than any nonce that a row or an attempt of this lane ever held: the rows are the ledger, a counter could drift from them;
 * - the lane's own high-water mark, which survives what the rows say;
 * - the chain's next nonce, latest and pending: somebody else may have used the key.
 * Too high leaves a gap, which healing fills with a no-op; too low could put two payloads at one nonce, so it never goes down.
 */
export const nextNonce = ({ highestRow, highestAttempt, mark, latest, pending }: {
  readonly highestRow: number | undefined
  readonly highestAttempt: number | undefined
  readonly mark: number
  readonly latest: number
  readonly pending: number
}): number => Math.max((highestRow ?? -1) + 1, (highestAttempt ?? -1) + 1, mark, latest, pending)
