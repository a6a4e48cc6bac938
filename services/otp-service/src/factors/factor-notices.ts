/** Every change of factors is told at the addresses that were proved before it, whoever made it (lesson 22), and counted. */
import { factorKindNames, type FactorKind } from '@countersign/contracts'
import type { OutboxRow } from '@countersign/mongo'
import type { Logger, Metrics } from '@countersign/runtime'
import type { MailWriter } from '../mail/mail-writer.ts'
import type { OfferObjection } from '../objections/offer-objection.ts'
import type { Transaction } from '../transaction.ts'
import { labelOf, type Factor } from './factor.ts'

export type FactorChange = 'added' | 'removed'

export interface ToldChange {
  readonly change: FactorChange
  readonly factor: Factor
  /** Before the change. */
  readonly all: readonly Factor[]
  readonly at: Date
  readonly requestId: string
}

export interface FactorNotices {
  /** @returns the rows to dispatch after the commit. */
  write (told: ToldChange, transaction: Transaction): Promise<OutboxRow[]>
  /** After the commit. */
  note (told: Pick<ToldChange, 'change' | 'factor' | 'requestId'>): void
}

/** Worth delivering late, as long as somebody may still act on it. */
const noticeUsefulMs = 86_400_000
const kinds = Object.keys(factorKindNames) as FactorKind[]

/** The kind in our words, so that a name cannot pass for another one; a wallet by its address, whatever it is called. */
export const nameOf = (factor: Factor): string => {
  const [kind, label] = [factorKindNames[factor.kind], factor.kind === 'wallet' ? factor.wallet.address : labelOf(factor)]
  return label === kind ? kind : `${kind}: ${label}`
}

export interface FactorNoticesDeps {
  readonly mails: MailWriter
  readonly offerObjection: OfferObjection
  readonly log: Logger
  readonly metrics: Metrics
}

export function createFactorNotices ({ mails, offerObjection, log, metrics }: FactorNoticesDeps): FactorNotices {
  const changes = metrics.counter({ name: 'otp_factor_changes_total', help: 'Factors that came and went, addresses apart', labels: ['change', 'kind'] })
  for (const change of ['added', 'removed']) for (const kind of kinds) changes.inc({ change, kind }, 0)

  return {
    async write ({ change, factor, all, at, requestId }, transaction) {
      const rows: OutboxRow[] = []
      for (const told of all) {
        if (told.kind !== 'email_code') continue
        // Each address has a token of its own: it says which mailbox objected.
        const objection = change === 'added' ? await offerObjection({ userId: factor.userId, factorId: factor.id, toldFactorId: told.id, at }, transaction) : undefined
        const link = objection?.url !== undefined && { link: { url: objection.url, expires_at: objection.endsAt.toISOString() } }
        rows.push(await mails.write(
          { template: `factor_${change}`, to: told.address, parameters: { factor: nameOf(factor), at: at.toISOString(), ...link } },
          { usefulUntil: objection?.endsAt ?? new Date(at.getTime() + noticeUsefulMs), requestId },
          transaction
        ))
      }
      return rows
    },
    note ({ change, factor: { id, kind, userId }, requestId }) {
      changes.inc({ change, kind })
      log.info({ requestId, userId, factorId: id, kind }, `factor ${change}`)
    }
  }
}
