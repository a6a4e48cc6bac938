/**
 * Mailbox challenges. Every guard is in the update itself, and every life is measured with the database's clock (`$$NOW`): a process
 * whose clock is wrong, or two requests at once, change nothing.
 */
import type { MailboxPurpose } from '@countersign/contracts'
import { exactly, inOneBatch, literally, type IndexSpec } from '@countersign/mongo'
import type { Db, Document } from 'mongodb'
import type { Transaction } from '../transaction.ts'
import type { MailboxAnswerer, MailboxChallenge, NewMailboxChallenge } from './mailbox-challenge.ts'
import { newDocument, toMailboxChallenge, type MailboxDocument } from './mailbox-document.ts'

export type MailboxRepository = ReturnType<typeof createMailboxRepository>

/** The unique index by which a repeated command begins nothing twice. */
export const oneMailboxPerCommand = 'one_mailbox_per_command'

export const mailboxIndexes: readonly IndexSpec[] = [
  { collection: 'mailbox_challenges', name: oneMailboxPerCommand, key: { aud: 1, command_id: 1 }, unique: true },
  { collection: 'mailbox_challenges', name: 'one_challenge_per_link', key: { link_mac: 1 }, unique: true, partialFilterExpression: { link_mac: { $type: 'string' } } },
  { collection: 'mailbox_challenges', name: 'by_address', key: { address_normalised: 1 } },
  { collection: 'mailbox_challenges', name: 'by_user', key: { user_id: 1 } }
]

export interface Lives {
  readonly codeSeconds: number
  /** 0 without a link. */
  readonly linkSeconds: number
}

export interface MailboxOpening { readonly challenge: NewMailboxChallenge, readonly lives: Lives }

/** What a resend replaces. */
export type Renewal = Pick<MailboxChallenge, 'codeMac' | 'pepperId' | 'linkMac'>

const open = { consumed_at: null, cancelled_at: null }

export function createMailboxRepository (db: Db) {
  const challenges = db.collection<MailboxDocument>('mailbox_challenges')

  /** One update for code and link: whoever of both comes first. */
  const consume = async (guard: Document, given: { readonly commandId: string, readonly provedBy: 'code' | 'link' }, transaction: Transaction): Promise<boolean> => {
    const { modifiedCount } = await challenges.updateOne(
      { ...guard, ...open, deliver: true },
      [{ $set: { consumed_at: '$$NOW', consumed_by: literally(given.commandId), proved_by: given.provedBy } }],
      { session: transaction }
    )
    return modifiedCount === 1
  }

  return {
    async find (id: string): Promise<MailboxChallenge | undefined> {
      const found = await challenges.findOne({ _id: exactly(id) })
      return found === null ? undefined : toMailboxChallenge(found)
    },

    async findByCommand (aud: MailboxChallenge['aud'], commandId: string): Promise<MailboxChallenge | undefined> {
      const found = await challenges.findOne({ aud, command_id: exactly(commandId) })
      return found === null ? undefined : toMailboxChallenge(found)
    },

    /** As a stranger would see it: undefined unless every field of the answerer is right. */
    async findFor (id: string, answerer: MailboxAnswerer): Promise<MailboxChallenge | undefined> {
      const found = await challenges.findOne({ _id: exactly(id), ...owned(answerer) })
      return found === null ? undefined : toMailboxChallenge(found)
    },

    /** In whatever state, with the database's time. */
    async findByLink (macs: readonly string[], { aud, purpose }: Pick<MailboxAnswerer, 'aud' | 'purpose'>): Promise<{ challenge: MailboxChallenge, now: Date } | undefined> {
      const [found] = await challenges.aggregate<MailboxDocument & { now: Date }>([{ $match: { link_mac: { $in: macs }, aud, purpose: exactly(purpose) } }, { $set: { now: '$$NOW' } }]).toArray()
      return found === undefined ? undefined : { challenge: toMailboxChallenge(found), now: found.now }
    },

    /** With the database's time, for whoever explains its state. */
    async findWithTime (id: string): Promise<{ challenge: MailboxChallenge, now: Date } | undefined> {
      const [found] = await challenges.aggregate<MailboxDocument & { now: Date }>([{ $match: { _id: exactly(id) } }, { $set: { now: '$$NOW' } }]).toArray()
      return found === undefined ? undefined : { challenge: toMailboxChallenge(found), now: found.now }
    },

    /** Several in two messages. @throws MongoServerError (isDuplicateKey) when a command has begun one before; its transaction is over then. */
    async insertAll (all: readonly MailboxOpening[], transaction: Transaction): Promise<MailboxChallenge[]> {
      const [only] = all
      if (all.length === 1 && only !== undefined) {
        const { filter, update } = inserting(only)
        return [toMailboxChallenge(await challenges.findOneAndUpdate(filter, update, { upsert: true, returnDocument: 'after', session: transaction }) as MailboxDocument)]
      }
      await challenges.bulkWrite(all.map((one) => ({ updateOne: { ...inserting(one), upsert: true } })), { session: transaction })
      const found = new Map((await challenges.find({ _id: { $in: all.map(({ challenge }) => challenge.id) } }, { session: transaction, ...inOneBatch }).toArray()).map((row) => [row._id, row]))
      return all.map(({ challenge: { id } }) => toMailboxChallenge(found.get(id) as MailboxDocument))
    },

    /**
     * A new code and link, the same attempts. Undefined when the challenge is answered, cancelled, out of attempts or past its end, and
     * when this command has renewed it before.
     */
    async renew (challenge: MailboxChallenge, renewal: Renewal, given: { lives: Lives, commandId: string }, transaction: Transaction): Promise<MailboxChallenge | undefined> {
      const found = await challenges.findOneAndUpdate(
        { _id: challenge.id, ...open, attempts_left: { $gt: 0 }, resent_by: { $ne: given.commandId }, $expr: { $gt: ['$ends_at', '$$NOW'] } },
        [
          { $set: { code_mac: literally(renewal.codeMac), pepper_id: literally(renewal.pepperId), link_mac: literally(renewal.linkMac), resent_by: literally(given.commandId) } },
          ...sent(challenge, given.lives)
        ],
        { returnDocument: 'after', session: transaction }
      )
      return found === null ? undefined : toMailboxChallenge(found)
    },

    /** Pays one attempt before anything is compared. Undefined when there is none to pay, or when the challenge is not the answerer's. */
    async spendAttempt (id: string, answerer: MailboxAnswerer): Promise<MailboxChallenge | undefined> {
      const found = await challenges.findOneAndUpdate(
        { _id: exactly(id), ...owned(answerer), ...open, attempts_left: { $gt: 0 }, $expr: { $gt: ['$code_expires_at', '$$NOW'] } },
        [{ $set: { attempts_left: { $subtract: ['$attempts_left', 1] }, last_attempt_at: '$$NOW' } }],
        { returnDocument: 'after' }
      )
      return found === null ? undefined : toMailboxChallenge(found)
    },

    /** For an attempt that was paid and then compared with nothing. */
    async giveBackAttempt (id: string): Promise<void> {
      await challenges.updateOne({ _id: exactly(id), ...open, $expr: { $lt: ['$attempts_left', '$attempts_max'] } }, { $inc: { attempts_left: 1 } })
    },

    /** True for exactly one caller, and only while the code that he was right about is still the current one. */
    consumeByCode: ({ id, codeMac }: MailboxChallenge, commandId: string, transaction: Transaction): Promise<boolean> =>
      consume({ _id: exactly(id), code_mac: exactly(codeMac) }, { commandId, provedBy: 'code' }, transaction),

    /** True for exactly one caller, and only while the link is alive. */
    consumeByLink: ({ id, linkMac }: MailboxChallenge, commandId: string, transaction: Transaction): Promise<boolean> =>
      consume({ _id: exactly(id), link_mac: exactly(linkMac), $expr: { $gt: ['$link_expires_at', '$$NOW'] } }, { commandId, provedBy: 'link' }, transaction),

    /** @returns how many were still pending. */
    async cancel ({ userId, addressNormalised }: { readonly userId?: string | undefined, readonly addressNormalised?: string | undefined }, transaction: Transaction): Promise<number> {
      const whose = [...userId === undefined ? [] : [{ user_id: exactly(userId) }], ...addressNormalised === undefined ? [] : [{ address_normalised: exactly(addressNormalised) }]]
      const { modifiedCount } = await challenges.updateMany({ $or: whose, ...open, $expr: { $gt: ['$ends_at', '$$NOW'] } }, [{ $set: { cancelled_at: '$$NOW' } }], { session: transaction })
      return modifiedCount
    },

    countPending: () => challenges.countDocuments({ ...open, deliver: true, $expr: { $gt: ['$ends_at', '$$NOW'] } })
  }
}

const inserting = ({ challenge, lives }: MailboxOpening) => ({
  filter: { _id: exactly(challenge.id) },
  update: [{ $replaceWith: { $mergeObjects: [literally(newDocument(challenge)), { created_at: '$$NOW' }] } }, ...sent(challenge, lives)]
})

const owned = ({ aud, purpose, opener }: MailboxAnswerer) => ({ aud, purpose: exactly<MailboxPurpose>(purpose), opener: exactly(opener) })

/** What every send sets, by the database's clock. `$max` passes over a null end. */
const sent = ({ linkMac }: Pick<NewMailboxChallenge, 'linkMac'>, { codeSeconds, linkSeconds }: Lives): Document[] => [
  {
    $set: {
      last_sent_at: '$$NOW',
      sends: { $add: ['$sends', 1] },
      code_expires_at: { $add: ['$$NOW', codeSeconds * 1_000] },
      link_expires_at: linkMac === null ? null : { $add: ['$$NOW', linkSeconds * 1_000] }
    }
  },
  { $set: { ends_at: { $max: ['$code_expires_at', '$link_expires_at'] } } }
]
