/** Taking one's data along, and leaving. */
import { Type, type Static } from 'typebox'
import { IdentityKind } from '../access.ts'
import { ChallengeId, Code, MaskedEmail, SessionId, Timestamp } from '../primitives.ts'
import { FactorView } from '../commands/factors.ts'
import { defineRoute } from '../route.ts'
import { permitOfAda, SignatureView } from '../signatures.ts'
import { TransactionView } from '../transactions.ts'
import { ApiKeyView } from './api-keys.ts'
import { ada, adasView, adasWallets, treasuryTransfer } from './examples.ts'
import { IdentityEvent } from './operators.ts'
import { UserView } from './user-view.ts'
import { WalletConnectionView } from './wallet-connection.ts'

const nullable = <T extends Parameters<typeof Type.Union>[0][number]>(schema: T) => Type.Union([schema, Type.Null()])

export const PastSession = Type.Object({
  id: SessionId,
  method: IdentityKind,
  identity: Type.String({ description: 'The login that opened it' }),
  state: Type.Union([Type.Literal('active'), Type.Literal('revoked'), Type.Literal('expired')]),
  ip: Type.String({ description: 'Address, or the /64 of an IPv6 address, at sign-in' }),
  user_agent: Type.String(),
  created_at: Timestamp,
  last_seen_at: Timestamp,
  expires_at: Timestamp,
  ended_at: nullable(Timestamp),
  ended_reason: nullable(Type.String())
})
export type PastSession = Static<typeof PastSession>

/** So many rows of each list, the newest ones. */
export const exportedRows = 1_000

const example = {
  exported_at: ada.signedInAt,
  user: adasView,
  sessions: [{
    id: ada.sessionId, method: 'evm', identity: adasWallets.evm.account, state: 'active', ip: '192.0.2.7', user_agent: 'curl/8.5.0',
    created_at: ada.signedInAt, last_seen_at: ada.signedInAt, expires_at: ada.sessionEndsAt, ended_at: null, ended_reason: null
  }],
  passwords: [{ identity: `email:${ada.email}`, changed_at: ada.signedUpAt }],
  api_keys: [],
  wallet_connections: [],
  devices: [{ seen_at: ada.signedInAt }],
  factors: [{ id: ada.factorId, kind: 'email_code', label: ada.maskedEmail, shown: true, sends: true, proved_at: ada.signedInAt }],
  transactions: [treasuryTransfer],
  signatures: [permitOfAda],
  events: [],
  shortened: []
}

export const AccountExport = Type.Object({
  exported_at: Timestamp,
  user: UserView,
  sessions: Type.Array(PastSession, { description: 'Open and past ones, newest first' }),
  passwords: Type.Array(Type.Object({ identity: Type.String({ description: 'The login that has one' }), changed_at: Timestamp })),
  api_keys: Type.Array(ApiKeyView, { description: 'Without the keys; those in use first' }),
  wallet_connections: Type.Array(WalletConnectionView, { description: 'Made under /api/wallet, disconnected ones included, newest first' }),
  devices: Type.Array(Type.Object({ seen_at: Timestamp }), { description: 'Browsers and networks that sign-ins came from, of which only keyed hashes are kept' }),
  factors: Type.Array(FactorView, { description: 'What confirms this account\'s actions; otp-service tells nobody the whole addresses' }),
  transactions: Type.Array(TransactionView, { description: 'Newest first' }),
  signatures: Type.Array(SignatureView, { description: 'Of texts and typed data, newest first' }),
  events: Type.Array(IdentityEvent, { description: 'What the audit says of the account, its sessions and its keys, newest first' }),
  shortened: Type.Array(Type.String(), { description: `Lists that are longer than this: only the first ${exportedRows} of each are here` })
}, { examples: [example] })
export type AccountExport = Static<typeof AccountExport>

export const exportMe = defineRoute({
  method: 'GET',
  path: '/api/v1/me/export',
  operationId: 'exportMe',
  tag: 'Account',
  summary: 'All that is held of this account, as a file',
  description: 'No secrets and no hashes; factors are masked.',
  caller: 'session',
  fresh: true,
  stepUp: { action: 'account.export', resource: [] },
  limit: 'general',
  status: 200,
  reply: AccountExport,
  problems: ['unauthorized', 'freshProofRequired', 'stepUpRequired', 'rateLimited', 'unavailable']
})

export const beginDeletion = defineRoute({
  method: 'POST',
  path: '/api/v1/me/deletion',
  operationId: 'beginDeletion',
  tag: 'Account',
  summary: 'Send the code that deleting this account needs',
  description: 'It goes to the address that confirms the account\'s transactions. `challenge` is null when there is none: then no code is needed. Nothing is deleted yet.',
  caller: 'session',
  fresh: true,
  limit: 'general',
  status: 202,
  reply: Type.Object({ challenge: nullable(Type.Object({ challenge_id: ChallengeId, sent_to: MaskedEmail, expires_at: Timestamp })) }, {
    examples: [{ challenge: { challenge_id: ada.challengeId, sent_to: ada.maskedEmail, expires_at: ada.codeEndsAt } }]
  }),
  problems: ['unauthorized', 'freshProofRequired', 'factorLocked', 'sendLimited', 'rateLimited', 'unavailable']
})

export const deleteMe = defineRoute({
  method: 'DELETE',
  path: '/api/v1/me',
  operationId: 'deleteMe',
  tag: 'Account',
  summary: 'Delete this account, for good',
  description: 'At once nobody can use it: its sessions end, its keys are revoked. What the services hold of it follows; its transactions and signatures stay, as the record of money must. ' +
    'Its logins may be used for a new account once all is done. With a proved address, the code of `POST /api/v1/me/deletion` is needed.',
  caller: 'session',
  fresh: true,
  limit: 'general',
  body: Type.Object({
    confirm: Type.String({ minLength: 1, maxLength: 64, description: 'The username of the account' }),
    challenge_id: Type.Optional(ChallengeId),
    code: Type.Optional(Code)
  }, { additionalProperties: false, examples: [{ confirm: ada.username, challenge_id: ada.challengeId, code: ada.code }] }),
  status: 202,
  reply: Type.Object({ state: Type.Literal('deleting') }, { examples: [{ state: 'deleting' }] }),
  problems: ['malformedRequest', 'unauthorized', 'freshProofRequired', 'codeRejected', 'factorProofRequired', 'stateConflict', 'schemaViolation', 'factorLocked', 'rateLimited', 'unavailable']
})
