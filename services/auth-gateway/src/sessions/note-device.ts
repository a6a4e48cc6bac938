import type { MailContent } from '@countersign/contracts'
import type { OutboxRow } from '@countersign/mongo'
import { keyedHash } from '@countersign/secrets'
import type { ClientSession } from 'mongodb'
import { methodNames } from '../users/login-names.ts'
import type { User } from '../users/user.ts'
import type { DeviceRepository } from './device-repository.ts'
import type { Session, SessionClient } from './session.ts'
import type { SessionRepository } from './session-repository.ts'

export interface NoteDeviceDeps {
  readonly devices: Pick<DeviceRepository, 'note'>
  readonly sessions: Pick<SessionRepository, 'hadOthers'>
  /** A user agent in short. */
  readonly deviceOf: (userAgent: string) => string
  /** 32 bytes for this purpose alone: what is kept of a device tells nobody where it is. */
  readonly key: Uint8Array
  readonly inTransaction: <T>(work: (transaction: ClientSession) => Promise<T>) => Promise<T>
  readonly writeMail: (mail: MailContent, requestId: string, transaction: ClientSession) => Promise<OutboxRow>
  readonly now: () => Date
}

export interface NoteDevice {
  idOf (userId: string, client: SessionClient): string
  /**
   * To be called before anybody holds a credential of the session: who then gets one cannot have gone unnoticed.
   * @returns the mail's row, committed, to be dispatched
   */
  note (session: Session, user: User, requestId: string): Promise<OutboxRow | undefined>
}

/** A sign-in from a browser and a network that this user was not seen with is told to them, unless it is their first session. */
export function createNoteDevice ({ devices, sessions, deviceOf, key, inTransaction, writeMail, now }: NoteDeviceDeps): NoteDevice {
  const idOf = (userId: string, { ip, userAgent }: SessionClient): string => keyedHash(key, userId, deviceOf(userAgent), networkOf(ip)).toString('base64url')

  return {
    idOf,

    note: async (session, user, requestId) => await inTransaction(async (transaction) => {
      const { client, method } = session
      if (!await devices.note(idOf(user.id, client), user.id, transaction) || user.email === null) return undefined
      if (!await sessions.hadOthers(user.id, session.id, transaction)) return undefined
      const parameters = { at: now().toISOString(), ip: client.ip, device: deviceOf(client.userAgent), method: methodNames[method] }
      return await writeMail({ template: 'new_device', to: user.email, parameters }, requestId, transaction)
    })
  }
}

/** The /24 of an IPv4 address; of IPv6 the /64 is all that is kept. */
const networkOf = (ip: string): string => /^\d+\.\d+\.\d+\./.exec(ip)?.[0] ?? ip
