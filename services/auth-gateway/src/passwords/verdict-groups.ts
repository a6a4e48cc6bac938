/** Those who come within a short while go on together, so that what they do next is shared; see `gather` of packages/mongo. */
import { setTimeout as wait } from 'node:timers/promises'

/**
 * @param ms how long the first of a group waits at most
 * @returns a wait for the end of the group that is forming
 */
export function createGroups (ms: number): () => Promise<void> {
  let forming: Promise<void> | undefined
  return () => forming ??= wait(ms).then(() => { forming = undefined })
}
