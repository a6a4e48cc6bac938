/** The environment of the gateway, read once. */
import { stores } from '@countersign/contracts'
import {
  commonRules, commonVariables, defineEnvironment, isStrict, jsonVariable, listVariable, metricsApiKeyOf, variable, type Values
} from '@countersign/runtime'
import { generateAccessTokenKey, randomToken } from '@countersign/secrets'
import { walletConfigFrom, walletRules, walletVariables } from '@countersign/wallets'
import { Type } from 'typebox'

const Jwk = Type.Object({
  kty: Type.String(), crv: Type.String(), x: Type.String(), y: Type.Optional(Type.String()), d: Type.Optional(Type.String()),
  kid: Type.Optional(Type.String()), alg: Type.Optional(Type.String()), use: Type.Optional(Type.String())
})
const Jwks = Type.Object({ keys: Type.Array(Jwk) })
const Port = Type.Integer({ minimum: 0, maximum: 65535 })
const Hours = (initial: number) => Type.Integer({ default: initial, minimum: 1, maximum: 87_600 })

export const environment = defineEnvironment({
  ...commonVariables,
  PORT: variable(Type.Integer({ default: 8000, minimum: 0, maximum: 65535 }), { description: 'Public port of the gateway' }),
  HOST: variable(Type.String({ default: '127.0.0.1' }), { description: 'Address on which the public port listens' }),
  COMPATIBILITY_PORTS: listVariable(Type.Array(Port, { default: [], maxItems: 8 }), { description: 'More ports with the same application, for callers of the earlier systems' }),
  PUBLIC_URL: variable(Type.String({ pattern: '^https?://[^/\\s]+$' }), {
    description: 'Origin of this gateway as its callers see it; the domain of the messages that wallets sign',
    aliases: ['API_URL'],
    example: 'https://auth.example.com',
    strict: (value) => value.startsWith('https://') ? undefined : 'must be https'
  }),
  FRONTEND_URL: variable(Type.String({ pattern: '^https?://[A-Za-z0-9]([A-Za-z0-9.-]{0,251}[A-Za-z0-9])?(:[0-9]{1,5})?(/[A-Za-z0-9._~/-]{0,180})?$' }), {
    description: 'Where links in mails lead: /verify-email, /reset-password and /new-factor under it, which this gateway serves when it is its own PUBLIC_URL',
    aliases: ['WEB_URL'],
    strict: (value) => value.startsWith('https://') ? undefined : 'must be https',
    fallback: (env) => env['PUBLIC_URL'] ?? env['API_URL']
  }),
  SIGNUP_MODE: variable(Type.Union([Type.Literal('open'), Type.Literal('verified')], { default: 'open' }), {
    description: 'open: an e-mail account comes to be at once, its address is proved later; verified: when its address is proved, and no answer tells which addresses are known'
  }),
  ACCESS_LOG: variable(Type.Boolean({ default: false }), { description: 'A log line per request, by the template of its route' }),
  CORS_ORIGINS: listVariable(Type.Array(Type.String({ pattern: '^https?://[^/\\s]+$' }), { default: [] }), { description: 'Origins of browser applications that may call', aliases: ['BACKEND_CORS_ORIGINS'] }),
  TRUSTED_HOPS: variable(Type.Integer({ default: 0, minimum: 0, maximum: 10 }), { description: 'How many proxies in front append to X-Forwarded-For' }),
  PROJECT_NAME: variable(Type.String({ default: 'Countersign', pattern: '^[A-Za-z0-9 .-]{1,64}$' }), { description: 'Brand in the message that wallets show' }),
  ...walletVariables,
  SECRET_KEY: variable(Type.String({ minLength: 32 }), { description: 'Root of the HMAC keys of this service', secret: true, generate: () => randomToken(48) }),
  ACCESS_TOKEN_PRIVATE_JWK: jsonVariable(Jwk, { description: 'P-256 private key (JWK): the first that signs access tokens; later ones come from countersign keys rotate', secret: 'issued', generate: () => JSON.stringify(generateAccessTokenKey().privateJwk) }),
  ACCESS_TOKEN_PREVIOUS_JWKS: jsonVariable(Type.Optional(Jwks), { description: 'Public keys (JWKS) whose tokens are still accepted after a rotation' }),
  RECEIPT_PUBLIC_JWKS: jsonVariable(Jwks, { description: 'Public Ed25519 keys (JWKS) of otp-service that sign receipts' }),
  MAIL_SEAL_KEY: variable(Type.String({ minLength: 43, maxLength: 43 }), { description: 'Seals this service\'s mail jobs; 32 bytes, base64url', secret: true, generate: () => randomToken(32) }),
  NONCE_EXPIRY_SECONDS: variable(Type.Integer({ default: 300, minimum: 30, maximum: 3600 }), { description: 'Life of a sign-in challenge', aliases: ['NONCE_EXPIRE_SECONDS'] }),
  SESSION_DEFAULT_DURATION_HOURS: variable(Hours(24), { description: 'Absolute life of a session' }),
  SESSION_MIN_DURATION_HOURS: variable(Hours(1), { description: 'Shortest life that a session may be given' }),
  SESSION_MAX_DURATION_HOURS: variable(Hours(8760), { description: 'Longest life that a session may be given' }),
  SESSION_IDLE_HOURS: variable(Type.Optional(Type.Integer({ minimum: 1, maximum: 8760 })), { description: 'A session ends after so long without a request; not set, its absolute life alone ends it' }),
  SESSION_CLEANUP_INTERVAL: variable(Type.Integer({ default: 3_600_000, minimum: 1000, maximum: 2_147_483_647 }), { description: 'Milliseconds between two sweeps of ended sessions' }),
  ACCESS_TOKEN_EXPIRE_MINUTES: variable(Type.Integer({ default: 15, minimum: 1, maximum: 1440 }), {
    description: 'Life of an access token', strict: (value) => value > 60 ? 'must be 60 at most' : undefined
  }),
  RATE_LIMIT_WINDOW_MS: variable(Type.Integer({ default: 60_000, minimum: 1000 }), { description: 'Window of the general rate limit' }),
  RATE_LIMIT_MAX: variable(Type.Integer({ default: 100, minimum: 1 }), { description: 'Requests per window and client address' }),
  SERVICE_RATE_LIMIT_MAX: variable(Type.Integer({ default: 300_000, minimum: 1 }), { description: 'Token introspections per window of the general limit and client address' }),
  AUTH_RATE_LIMIT_WINDOW_MS: variable(Type.Integer({ default: 60_000, minimum: 1000 }), { description: 'Window of the sign-in rate limit' }),
  AUTH_RATE_LIMIT_MAX_REQUESTS: variable(Type.Integer({ default: 20, minimum: 1 }), { description: 'Sign-in requests per window and client address' })
}, [
  ...commonRules,
  ...walletRules,
  ({ SESSION_MIN_DURATION_HOURS: least, SESSION_DEFAULT_DURATION_HOURS: usual, SESSION_MAX_DURATION_HOURS: most }) =>
    least <= usual && usual <= most ? undefined : { name: 'SESSION_DEFAULT_DURATION_HOURS', fault: 'must lie between SESSION_MIN_DURATION_HOURS and SESSION_MAX_DURATION_HOURS' }
])

export type GatewayConfig = ReturnType<typeof configFrom>

/** Grouped by who uses it, so that each part of the service is handed only its own. */
export function configFrom (e: Readonly<Values<typeof environment.variables>>) {
  const url = new URL(e.PUBLIC_URL)
  return {
    label: e.ENVIRONMENT,
    strict: isStrict({ NODE_ENV: e.NODE_ENV, ENVIRONMENT: e.ENVIRONMENT }),
    log: { level: e.LOG_LEVEL, directory: e.LOG_DIR, sha: e.DEPLOY_SHA },
    http: { host: e.HOST, port: e.PORT, compatibilityPorts: e.COMPATIBILITY_PORTS, corsOrigins: e.CORS_ORIGINS, trustedHops: e.TRUSTED_HOPS, accessLog: e.ACCESS_LOG },
    rateLimit: {
      windowMs: e.RATE_LIMIT_WINDOW_MS, max: e.RATE_LIMIT_MAX,
      service: { windowMs: e.RATE_LIMIT_WINDOW_MS, max: e.SERVICE_RATE_LIMIT_MAX },
      signIn: { windowMs: e.AUTH_RATE_LIMIT_WINDOW_MS, max: e.AUTH_RATE_LIMIT_MAX_REQUESTS }
    },
    ops: { host: e.OPS_HOST, port: e.OPS_PORT, metricsApiKey: metricsApiKeyOf(e) },
    mongo: { uri: e.MONGODB_URI, database: stores['auth-gateway'].database },
    redis: { url: e.REDIS_URL },
    startTimeoutSeconds: e.START_TIMEOUT_SECONDS,
    stopTimeoutSeconds: e.STOP_TIMEOUT_SECONDS,
    clockOffsetMs: e.CLOCK_OFFSET_MS,
    secretKey: e.SECRET_KEY,
    mailSealKey: e.MAIL_SEAL_KEY,
    receiptKeys: e.RECEIPT_PUBLIC_JWKS,
    signIn: { origin: url.origin, domain: url.host, brand: e.PROJECT_NAME, ttlSeconds: e.NONCE_EXPIRY_SECONDS },
    email: {
      signupMode: e.SIGNUP_MODE,
      links: { verify: `${withoutSlash(e.FRONTEND_URL)}/verify-email`, reset: `${withoutSlash(e.FRONTEND_URL)}/reset-password` }
    },
    wallets: walletConfigFrom(e),
    cookies: { secure: url.protocol === 'https:', origins: [url.origin, ...e.CORS_ORIGINS] },
    tokens: {
      issuer: url.origin,
      privateJwk: e.ACCESS_TOKEN_PRIVATE_JWK,
      previousJwks: e.ACCESS_TOKEN_PREVIOUS_JWKS,
      ttlSeconds: e.ACCESS_TOKEN_EXPIRE_MINUTES * 60
    },
    sessions: {
      ttlSeconds: e.SESSION_DEFAULT_DURATION_HOURS * 3600,
      hours: { usual: e.SESSION_DEFAULT_DURATION_HOURS, least: e.SESSION_MIN_DURATION_HOURS, most: e.SESSION_MAX_DURATION_HOURS },
      idleSeconds: e.SESSION_IDLE_HOURS === undefined ? Infinity : e.SESSION_IDLE_HOURS * 3600,
      cleanupIntervalMs: e.SESSION_CLEANUP_INTERVAL
    }
  }
}

const withoutSlash = (url: string): string => url.replace(/\/+$/, '')
