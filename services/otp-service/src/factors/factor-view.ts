/** A factor as its owner sees it. */
import type { ReplyOf, listFactors } from '@countersign/contracts'
import { maskAddress, type Factor } from './factor.ts'
import type { FactorChecks } from './factor-check.ts'

type FactorView = ReplyOf<typeof listFactors>['factors'][number]

export const factorView = ({ id, kind, address, provedAt }: Factor, checks: FactorChecks): FactorView => {
  const { shown, sends } = checks[kind]
  return { id, kind, label: maskAddress(address), shown, sends, proved_at: provedAt.toISOString() }
}
