import { Type } from 'typebox'

/** The four processes. A service's name is also its Redis user, its MongoDB user and its metrics label. */
export const serviceNames = ['auth-gateway', 'otp-service', 'signer-service', 'email-worker'] as const

export type ServiceName = typeof serviceNames[number]

export const ServiceNameSchema = Type.Union([
  Type.Literal('auth-gateway'),
  Type.Literal('otp-service'),
  Type.Literal('signer-service'),
  Type.Literal('email-worker')
])
