/** Writes down that the reader of a mail about a new factor may object to it, and makes the link that the mail holds. */
import type { Links } from '../mailboxes/links.ts'
import type { Transaction } from '../transaction.ts'
import type { ObjectionRepository } from './objection-repository.ts'

export interface OfferObjectionDeps {
  readonly objections: Pick<ObjectionRepository, 'insert'>
  readonly links: Pick<Links, 'draw'>
  /** FACTOR_OBJECTION_HOURS; 0: nobody objects, and a new factor is like an old one at once. */
  readonly hours: number
  /** Where the link leads; undefined: the mail holds none, and the new factor waits all the same. */
  readonly page: string | undefined
}

export interface OfferedObjection {
  readonly endsAt: Date
  /** With the token in its fragment, which browsers send to no server. */
  readonly url: string | undefined
}

export type OfferObjection = (given: { readonly userId: string, readonly factorId: string, readonly toldFactorId: string, readonly at: Date }, transaction: Transaction) => Promise<OfferedObjection | undefined>

const hourMs = 3_600_000

export const createOfferObjection = ({ objections, links, hours, page }: OfferObjectionDeps): OfferObjection =>
  async ({ userId, factorId, toldFactorId, at }, transaction) => {
    if (hours === 0) return undefined
    const endsAt = new Date(at.getTime() + hours * hourMs)
    const { token, linkMac: mac } = links.draw('factor_objection')
    await objections.insert({ mac, userId, factorId, toldFactorId, endsAt }, transaction)
    return { endsAt, url: page && `${page}#token=${token}` }
  }
