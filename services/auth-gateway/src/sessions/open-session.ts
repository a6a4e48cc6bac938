import { Problem, problems, type TokenReply } from '@countersign/contracts'
import type { OutboxRow } from '@countersign/mongo'
import type { SignedIn } from '../sign-in/sign-in-with-wallet.ts'
import type { CloseSession } from './close-session.ts'
import type { GrantTokens } from './grant-tokens.ts'
import type { NoteDevice } from './note-device.ts'
import type { Session } from './session.ts'
import type { SessionRepository } from './session-repository.ts'
import type { SessionSecrets } from './session-secret.ts'
import type { SessionStates } from './session-state.ts'
import type { StoreOpening } from './store-openings.ts'

export interface ClientDescription {
  readonly ip: string
  readonly userAgent: string
  readonly requestId: string
}

export interface StoreSessionDeps {
  readonly storeOpening: StoreOpening
  readonly sessions: Pick<SessionRepository, 'findOpened'>
  readonly states: Pick<SessionStates, 'keep'>
  readonly close: CloseSession
  readonly devices: NoteDevice
  readonly dispatch: (row: OutboxRow) => Promise<void>
  readonly newId: () => string
}

export interface SessionLife {
  readonly ttlSeconds: number
  readonly secretHash?: string
  readonly connectionId?: string
}

export type StoreSession = ReturnType<typeof createStoreSession>

/**
 * A revocation of all sessions raises the user's epoch before it ends what it finds. So either it finds this session, or the epoch read
 * here after the session was stored is the raised one, and the session ends before anybody holds a credential of it.
 * The user given must have been read before its proof was checked, so that a revocation in between is noticed too.
 * @throws Problem sessionClosed when all sessions of the user were revoked since the sign-in began
 */
export const createStoreSession = ({ storeOpening, sessions, states, close, devices, dispatch, newId }: StoreSessionDeps) =>
  async ({ user, identity }: SignedIn, { ip, userAgent, requestId }: ClientDescription, { ttlSeconds, secretHash, connectionId }: SessionLife): Promise<Session> => {
    // Read after their user: a login that was unlinked since it was proved opens nothing.
    if (!user.identities.some((login) => login.id === identity.id)) throw new Problem(problems.sessionClosed)
    const id = newId()
    const client = { ip, userAgent }
    const opening = {
      id, userId: user.id, epoch: user.sessionEpoch, method: identity.kind, identityId: identity.id, ttlSeconds, client, deviceId: devices.idOf(user.id, client),
      ...secretHash !== undefined && { secretHash }, ...connectionId !== undefined && { connectionId }
    }
    await storeOpening({ session: opening, requestId })
    const { session, userEpoch, isDeviceKnown } = await sessions.findOpened(id) ?? {}
    if (session?.state !== 'active' || userEpoch !== user.sessionEpoch) {
      await close({ sessionId: id, reason: 'sessions_revoked', requestId })
      throw new Problem(problems.sessionClosed)
    }
    const mail = isDeviceKnown === true ? undefined : await devices.note(session, user, requestId)
    if (mail !== undefined) await dispatch(mail)
    await states.keep(session, user, ttlSeconds * 1000)
    return session
  }

export interface OpenSessionDeps {
  readonly store: StoreSession
  readonly grant: GrantTokens
  readonly ttlSeconds: number
}

export type SessionOpener = ReturnType<typeof createOpenSession>

/** A session with an access token and a refresh token. @throws Problem sessionClosed */
export const createOpenSession = ({ store, grant, ttlSeconds }: OpenSessionDeps) =>
  async (signedIn: SignedIn, client: ClientDescription): Promise<TokenReply> =>
    grant(await store(signedIn, client, { ttlSeconds }), signedIn.user)

export interface OpenWithSecretDeps {
  readonly store: StoreSession
  readonly secrets: Pick<SessionSecrets, 'issue'>
  readonly hours: { readonly usual: number, readonly least: number, readonly most: number }
}

export interface SecretSession {
  /** Shown once: only its hash is kept. */
  readonly secret: string
  readonly session: Session
  /** From opening to its absolute end. */
  readonly ttlSeconds: number
}

export type SecretSessionOpener = ReturnType<typeof createOpenWithSecret>

/**
 * A session for callers that send its secret with each request (`X-Session-Id` or the cookie `sessionId`).
 * @throws Problem schemaViolation for a duration outside the configured limits, sessionClosed
 */
export const createOpenWithSecret = ({ store, secrets, hours: { usual, least, most } }: OpenWithSecretDeps) =>
  async (signedIn: SignedIn, client: ClientDescription, { durationHours = usual, connectionId }: { readonly durationHours?: number | undefined, readonly connectionId?: string } = {}): Promise<SecretSession> => {
    if (!(durationHours >= least && durationHours <= most)) {
      throw new Problem(problems.schemaViolation, { faults: [{ path: 'body/sessionDurationHours', message: `must be between ${least} and ${most}` }] })
    }
    const { secret, hash } = secrets.issue()
    const ttlSeconds = Math.round(durationHours * 3600)
    return { secret, session: await store(signedIn, client, { ttlSeconds, secretHash: hash, ...connectionId !== undefined && { connectionId } }), ttlSeconds }
  }
