import type { MaskedFactor } from '@countersign/contracts'
import { maskAddress, type Factor } from './factor.ts'

/** What leaves this service of a factor. */
export const factorView = ({ id, kind, address, provedAt }: Factor): MaskedFactor =>
  ({ factor_id: id, kind, masked: maskAddress(address), proved_at: provedAt.toISOString() })
