/** The environment of otp-service, grouped by who uses it. */
import { LinkBase, stores } from '@countersign/contracts'
import { commonRules, commonVariables, defineEnvironment, jsonVariable, listVariable, metricsApiKeyOf, processConfigFrom, variable, type Values } from '@countersign/runtime'
import { generateReceiptKey, keyFromText, randomToken } from '@countersign/secrets'
import { walletConfigFrom, walletRules, walletVariables } from '@countersign/wallets'
import { Type } from 'typebox'
import { Value } from 'typebox/value'
import { unknownCountries } from './sms/admit-number.ts'

const Base64url32 = Type.String({ pattern: '^[A-Za-z0-9_-]{43}$' })
const Ed25519PrivateJwk = Type.Object({
  kty: Type.Literal('OKP'),
  crv: Type.Literal('Ed25519'),
  x: Base64url32,
  d: Base64url32,
  kid: Type.Optional(Type.String()),
  alg: Type.Optional(Type.String()),
  use: Type.Optional(Type.String())
})

/** Which the gateway serves when FRONTEND_URL is its own. */
const newFactorPage = (frontendUrl: string): string => `${frontendUrl.replace(/\/+$/, '')}/new-factor`

export const environment = defineEnvironment({
  ...commonVariables,
  SECRET_KEY: variable(Type.String({ minLength: 32, maxLength: 1_024 }), {
    description: 'Root of the pepper of codes, of the hashes of recipients and of the seal of authenticator apps, at least 32 characters', secret: true, generate: () => randomToken(48)
  }),
  SECRET_KEY_PREVIOUS: variable(Type.Optional(Type.String({ minLength: 32, maxLength: 1_024 })), {
    description: 'The SECRET_KEY before the last rotation: codes sent under it still verify, and secrets of authenticator apps still open; each of those is sealed anew when it is used', secret: true
  }),
  RECEIPT_PRIVATE_JWK: jsonVariable(Ed25519PrivateJwk, {
    description: 'Ed25519 private key (JWK) that signs receipts', secret: true, generate: () => JSON.stringify(generateReceiptKey().privateJwk)
  }),
  MAIL_SEAL_KEY: variable(Base64url32, {
    description: 'Seals the mails of this service, 32 bytes in base64url; the same as MAIL_SEAL_KEY_OTP of email-worker', secret: true, generate: () => randomToken(32)
  }),
  PUBLIC_URL: variable(Type.String({ pattern: '^https?://[^/\\s]+$' }), {
    aliases: ['API_URL'], description: 'Origin of the gateway as its callers see it; passkeys are bound to its host, and wallets show it when they confirm', example: 'https://auth.example.com',
    strict: (value) => value.startsWith('https://') ? undefined : 'must be https'
  }),
  CORS_ORIGINS: listVariable(Type.Array(Type.String({ pattern: '^https?://[^/\\s]+$' }), { default: [] }), { aliases: ['BACKEND_CORS_ORIGINS'], description: 'Origins of browser applications that may use passkeys' }),
  PROJECT_NAME: variable(Type.String({ default: 'Countersign', pattern: '^[A-Za-z0-9 .-]{1,64}$' }), { description: 'What authenticators call this deployment' }),
  FRONTEND_URL: variable(Type.Optional(Type.String({ pattern: '^https?://[^\\s]+$', maxLength: 2_000 })), {
    aliases: ['WEB_URL'], description: 'Origin that links in mails lead to, and to nowhere else; without it they lead where the gateway says, stolen or not', strict: 'required', example: 'http://127.0.0.1:3000'
  }),
  ...walletVariables,
  OTP_SIGNATURES_PER_MINUTE: variable(Type.Integer({ default: 20, minimum: 1, maximum: 100_000 }), {
    description: 'Signatures of wallets that one session may have checked in a minute', strict: (value) => value > 120 ? 'must be 120 or fewer' : undefined
  }),
  OTP_TTL_SECONDS: variable(Type.Integer({ default: 300, minimum: 1, maximum: 900 }), {
    description: 'Life of a code', strict: (value) => value < 60 || value > 600 ? 'must lie between 60 and 600' : undefined
  }),
  OTP_MAX_ATTEMPTS: variable(Type.Integer({ default: 3, minimum: 1, maximum: 10 }), {
    description: 'Answers that one challenge takes, resends included', strict: (value) => value > 5 ? 'must be 5 or fewer' : undefined
  }),
  OTP_LOCK_SECONDS: variable(Type.Integer({ default: 900, minimum: 1, maximum: 86_400 }), {
    description: 'How long a factor is locked once its budget of wrong codes is spent', strict: (value) => value < 300 ? 'must be 300 or more' : undefined
  }),
  OTP_HOUSE_FAILURES_PER_HOUR: variable(Type.Integer({ default: 1_000, minimum: 1, maximum: 1_000_000 }), {
    description: 'Wrong codes of all accounts in an hour above which a warning is logged; nothing is refused'
  }),
  FACTOR_RESET_DELAY_HOURS: variable(Type.Integer({ default: 72, minimum: 0, maximum: 720 }), {
    description: 'From `countersign factors reset` until the factors are gone; the owner is told at once and may answer with one of them', strict: (value) => value < 24 ? 'must be 24 or more' : undefined
  }),
  FACTOR_OBJECTION_HOURS: variable(Type.Integer({ default: 48, minimum: 0, maximum: 720 }), {
    description: 'So long the mail about a new factor lets its reader take it away again, and so long the new factor adds and removes no other; 0: neither', strict: (value) => value < 24 ? 'must be 24 or more' : undefined
  }),
  OTP_SENDS_PER_MINUTE: variable(Type.Integer({ default: 3, minimum: 1, maximum: 10_000 }), {
    description: 'Codes that one mailbox may get in a minute; enrolments and codes of a proved factor are counted apart', strict: (value) => value > 10 ? 'must be 10 or fewer' : undefined
  }),
  OTP_SENDS_PER_HOUR: variable(Type.Integer({ default: 10, minimum: 1, maximum: 100_000 }), {
    description: 'Codes that one mailbox may get in an hour, counted likewise; half of them from one place, and of those of a factor a fifth is kept for sessions that have answered rightly before', strict: (value) => value > 60 ? 'must be 60 or fewer' : undefined
  }),
  OTP_SENDS_PER_PLACE_PER_HOUR: variable(Type.Integer({ default: 100, minimum: 1, maximum: 1_000_000_000 }), {
    description: 'Codes to addresses that are not a proved factor which one place (an IPv4 address, the /64 of an IPv6 one) may have sent in an hour, to whomever', strict: (value) => value > 1_000 ? 'must be 1000 or fewer' : undefined
  }),
  OTP_ENROLMENTS_PER_HOUR: variable(Type.Integer({ default: 5, minimum: 1, maximum: 100_000 }), {
    description: 'Enrolments that one user may begin in an hour, each of which mails a code', strict: (value) => value > 30 ? 'must be 30 or fewer' : undefined
  }),
  OTP_ENROLMENTS_PER_DAY: variable(Type.Integer({ default: 10, minimum: 1, maximum: 1_000_000 }), {
    description: 'Enrolments that one user may begin in a day', strict: (value) => value > 60 ? 'must be 60 or fewer' : undefined
  }),
  SMS_COUNTRIES: listVariable(Type.Array(Type.String({ pattern: '^([A-Z]{2}|\\+[1-9][0-9]{0,3})$' }), { default: [], maxItems: 300 }), {
    description: 'Countries whose numbers may get codes by text message: ISO codes (CH) or calling codes (+41); countries that share a code come together, the islands of +1 each by itself. None: no text messages, and no telephone number becomes a factor', example: 'CH,DE,+43'
  }),
  SMS_SENDS_PER_NUMBER_PER_DAY: variable(Type.Integer({ default: 20, minimum: 1, maximum: 100_000 }), {
    description: 'Text messages that one number may get in a day; in a minute and an hour it gets as many as a mailbox', strict: (value) => value > 100 ? 'must be 100 or fewer' : undefined
  }),
  SMS_SENDS_PER_HOUR: variable(Type.Integer({ default: 1_000, minimum: 1, maximum: 10_000_000 }), {
    description: 'Text messages that all numbers together may get in an hour, enrolments half of them at most'
  })
}, [
  ...commonRules,
  ...walletRules,
  ({ FRONTEND_URL: url }) => url === undefined || Value.Check(LinkBase, newFactorPage(url)) ? undefined : { name: 'FRONTEND_URL', fault: 'must be an origin, with a path at most: links in mails begin with it' },
  ({ SMS_COUNTRIES: countries }) => {
    const unknown = unknownCountries(countries)
    return unknown.length === 0 ? undefined : { name: 'SMS_COUNTRIES', fault: `names no country that is known: ${unknown.join(', ')}` }
  }
])

/** What the command line needs: it changes no code and signs nothing. */
export const operatorEnvironment = defineEnvironment({
  NODE_ENV: commonVariables.NODE_ENV,
  ENVIRONMENT: commonVariables.ENVIRONMENT,
  MONGODB_URI: commonVariables.MONGODB_URI
})

/** A reset tells the old addresses, by mails that are sealed as this service's are. */
export const resetEnvironment = defineEnvironment({
  NODE_ENV: commonVariables.NODE_ENV,
  ENVIRONMENT: commonVariables.ENVIRONMENT,
  MAIL_SEAL_KEY: environment.variables.MAIL_SEAL_KEY,
  FACTOR_RESET_DELAY_HOURS: environment.variables.FACTOR_RESET_DELAY_HOURS
})

/** Addresses are counted under a hash that only this key makes. */
export const mailboxEnvironment = defineEnvironment({ NODE_ENV: commonVariables.NODE_ENV, ENVIRONMENT: commonVariables.ENVIRONMENT, SECRET_KEY: environment.variables.SECRET_KEY })

export type Config = ReturnType<typeof configFrom>

export const configFrom = (values: Values<typeof environment.variables>) => ({
  process: processConfigFrom(values),
  ops: { host: values.OPS_HOST, port: values.OPS_PORT, metricsApiKey: metricsApiKeyOf(values) },
  mongo: { uri: values.MONGODB_URI, database: stores['otp-service'].database },
  redisUrl: values.REDIS_URL,
  secretKey: values.SECRET_KEY,
  previousSecretKey: values.SECRET_KEY_PREVIOUS,
  receiptPrivateJwk: values.RECEIPT_PRIVATE_JWK,
  mailSealKey: keyFromText(values.MAIL_SEAL_KEY),
  codes: { ttlSeconds: values.OTP_TTL_SECONDS, maxAttempts: values.OTP_MAX_ATTEMPTS },
  linkOrigin: values.FRONTEND_URL === undefined ? undefined : new URL(values.FRONTEND_URL).origin,
  relyingParty: relyingPartyOf(values),
  wallets: walletConfigFrom(values),
  confirmations: { site: new URL(values.PUBLIC_URL).host, perMinute: values.OTP_SIGNATURES_PER_MINUTE },
  lockSeconds: values.OTP_LOCK_SECONDS,
  objection: { hours: values.FACTOR_OBJECTION_HOURS, page: values.FRONTEND_URL === undefined ? undefined : newFactorPage(values.FRONTEND_URL) },
  houseFailuresPerHour: values.OTP_HOUSE_FAILURES_PER_HOUR,
  sends: {
    perMinute: values.OTP_SENDS_PER_MINUTE,
    perHour: values.OTP_SENDS_PER_HOUR,
    perPlacePerHour: values.OTP_SENDS_PER_PLACE_PER_HOUR,
    enrolmentsPerHour: values.OTP_ENROLMENTS_PER_HOUR,
    enrolmentsPerDay: values.OTP_ENROLMENTS_PER_DAY,
    textsPerNumberPerDay: values.SMS_SENDS_PER_NUMBER_PER_DAY,
    textsPerHour: values.SMS_SENDS_PER_HOUR
  },
  countries: values.SMS_COUNTRIES
})

/** Browsers bind no passkey to a numeric address: on this machine's own, the name that it has everywhere stands for it. */
function relyingPartyOf ({ PUBLIC_URL: publicUrl, CORS_ORIGINS: others, PROJECT_NAME: name }: { readonly PUBLIC_URL: string, readonly CORS_ORIGINS: readonly string[], readonly PROJECT_NAME: string }) {
  const url = new URL(publicUrl)
  const named = new URL(url)
  if (['127.0.0.1', '[::1]'].includes(url.hostname)) named.hostname = 'localhost'
  return { id: named.hostname, name, origins: [...new Set([url, named, ...others].map((origin) => new URL(origin).origin))] }
}
