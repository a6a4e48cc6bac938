/** 128 random bits as 22 base64url characters. */
import { randomFillSync } from 'node:crypto'

const pool = Buffer.allocUnsafe(16 * 256)
let used = pool.length

/** Drawn from the system 256 at a time: one call to it per command would be felt. */
export const randomHandle = (): string => {
  if (used === pool.length) {
    randomFillSync(pool)
    used = 0
  }
  used += 16
  return pool.toString('base64url', used - 16, used)
}
