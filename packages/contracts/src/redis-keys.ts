import type { ServiceName } from './services.ts'

/** Set by email-worker, for a short life, while the mail server answers. The gateway may only read it. */
export const mailHeartbeatKey = 'hb:email-worker'

export interface OwnKeys {
  /** Patterns of Redis ACLs, in which `*` stands for anything. */
  readonly own: readonly string[]
  readonly readOnly: readonly string[]
}

/** What a service may touch besides its command lists, reply channels and queues. Whoever makes the Redis users reads this table. */
export const redisKeys: Readonly<Record<ServiceName, OwnKeys>> = Object.freeze({
  'auth-gateway': { own: ['gw:*'], readOnly: [mailHeartbeatKey] },
  'otp-service': { own: ['otp:*'], readOnly: [] },
  'signer-service': { own: ['signer:*'], readOnly: [] },
  'email-worker': { own: [mailHeartbeatKey, 'mail:*'], readOnly: [] }
})
