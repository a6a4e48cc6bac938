/** The environment of email-worker, grouped by who uses it. */
import { createPrivateKey } from 'node:crypto'
import { EmailAddress, mailFromGateway, mailFromOtp, mailFromSigner, smsFromOtp, stores } from '@countersign/contracts'
import { commonRules, commonVariables, defineEnvironment, isStrict, metricsApiKeyOf, processConfigFrom, variable, type EnvironmentSource, type Values } from '@countersign/runtime'
import { keyFromText, randomToken } from '@countersign/secrets'
import { Type } from 'typebox'

const sealKey = (producer: string) => variable(Type.String({ pattern: '^[A-Za-z0-9_-]{43}$' }), {
  description: `Opens the mails of ${producer}, 32 bytes in base64url; its MAIL_SEAL_KEY`, secret: true, generate: () => randomToken(32)
})

const previousSealKey = (producer: string) => variable(Type.Optional(Type.String({ pattern: '^[A-Za-z0-9_-]{43}$' })), {
  description: `The seal key of ${producer} before the last rotation: mails sealed with it still open`, secret: true
})

const smtp = {
  SMTP_HOST: variable(Type.String({ minLength: 1, pattern: '^[A-Za-z0-9.:_-]+$' }), { description: 'Mail server', example: 'smtp.example.com' }),
  SMTP_PORT: variable(Type.Integer({ default: 587, minimum: 1, maximum: 65535 }), { description: 'Its submission port; 465 is TLS from the first byte, others use STARTTLS (required in production)' }),
  SMTP_USER: variable(Type.Optional(Type.String()), { description: 'Login at the mail server', aliases: ['EMAIL_USER'] }),
  SMTP_PASS: variable(Type.Optional(Type.String()), { description: 'Password at the mail server', aliases: ['EMAIL_PASS'], secret: 'issued' }),
  MAIL_FROM: variable(EmailAddress, { description: 'Sender address of every mail', example: 'no-reply@example.com' }),
  MAIL_SEND_TIMEOUT_SECONDS: variable(Type.Integer({ default: 25, minimum: 1, maximum: 300 }), { description: 'A mail server that has not taken a mail within this long is given up for this time' }),
  PROJECT_NAME: variable(Type.String({ default: 'Countersign', minLength: 1, maxLength: 64, pattern: '^[^\\u0000-\\u001f\\u007f"<>]+$' }), { description: 'Brand in mails' }),
  MAIL_TEMPLATE_DIR: variable(Type.Optional(Type.String({ minLength: 1 })), { description: 'Folder with the look of mails: theme.json, texts.json, logo.png or logo.jpg, each optional' }),
  MAIL_UNSUBSCRIBE: variable(Type.Optional(Type.String({ maxLength: 500, pattern: '^(mailto:[^\\s<>,@]+@[^\\s<>,@]+|https://[^\\s<>,]+)$' })), {
    description: 'Where a reader of notices to everybody asks for no more of them: mailto: or https:', example: 'mailto:unsubscribe@example.com'
  }),
  MAIL_DKIM_DOMAIN: variable(Type.Optional(Type.String({ pattern: '^[A-Za-z0-9.-]{1,253}$' })), { description: 'Domain that signs mails (DKIM), with MAIL_DKIM_SELECTOR and MAIL_DKIM_PRIVATE_KEY' }),
  MAIL_DKIM_SELECTOR: variable(Type.Optional(Type.String({ pattern: '^[A-Za-z0-9.-]{1,63}$' })), { description: 'Selector of the DKIM key in DNS' }),
  MAIL_DKIM_PRIVATE_KEY: variable(Type.Optional(Type.String()), { description: 'RSA key that signs mails, PEM; its line ends may be written as \\n', secret: 'issued' })
}

/** RFC 8301 §3.2: shorter keys are not believed. */
const shortestRsaBits = 2_048

function dkimRule (values: { readonly MAIL_DKIM_DOMAIN?: string | undefined, readonly MAIL_DKIM_SELECTOR?: string | undefined, readonly MAIL_DKIM_PRIVATE_KEY?: string | undefined }) {
  const given = [values.MAIL_DKIM_DOMAIN, values.MAIL_DKIM_SELECTOR, values.MAIL_DKIM_PRIVATE_KEY].filter((value) => value !== undefined).length
  if (given === 0) return undefined
  const name = 'MAIL_DKIM_PRIVATE_KEY' as const
  const dkim = dkimFrom(values)
  if (dkim === undefined) return { name, fault: 'goes together with MAIL_DKIM_DOMAIN and MAIL_DKIM_SELECTOR' }
  try {
    const { asymmetricKeyType, asymmetricKeyDetails } = createPrivateKey(dkim.privateKey)
    return asymmetricKeyType === 'rsa' && (asymmetricKeyDetails?.modulusLength ?? 0) >= shortestRsaBits ? undefined : { name, fault: `must be an RSA key of ${shortestRsaBits} bits or more` }
  } catch {
    return { name, fault: 'is no private key in PEM' }
  }
}

const sms = {
  SMS_PROVIDER_URL: variable(Type.Optional(Type.String({ pattern: '^https?://[^\\s@]+$', maxLength: 500 })), {
    description: 'Where text messages are posted, in the shape of the common providers: a form with To, From and Body, and HTTP Basic; without it none go out', example: 'https://api.example.com/2010-04-01/Accounts/AC0/Messages.json',
    strict: (value) => value?.startsWith('https:') === false ? 'must be https' : undefined
  }),
  SMS_PROVIDER_ACCOUNT: variable(Type.Optional(Type.String({ minLength: 1, maxLength: 200, pattern: '^[!-9;-~]+$' })), { description: 'Login at that provider' }),
  SMS_PROVIDER_TOKEN: variable(Type.Optional(Type.String({ minLength: 1, maxLength: 500 })), { description: 'Password at that provider', secret: 'issued' }),
  SMS_FROM: variable(Type.Optional(Type.String({ pattern: '^(\\+[1-9][0-9]{7,14}|[0-9]{3,8}|(?=.*[A-Za-z])[A-Za-z0-9 ]{1,11})$' })), { description: 'Sender of text messages: a number, or a name that the provider has registered', example: '+41790000000' }),
  SMS_CODE_DOMAIN: variable(Type.Optional(Type.String({ pattern: '^[a-z0-9.-]{1,100}$' })), { description: 'Host name of the site at which codes are typed in: browsers fill a code in there and nowhere else, where the line fits into the message', example: 'app.example.com' }),
  SMS_SEND_TIMEOUT_SECONDS: variable(Type.Integer({ default: 15, minimum: 1, maximum: 300 }), { description: 'A provider that has not answered within this long is given up for this time' }),
  SMS_RATE_PER_MINUTE: variable(Type.Integer({ default: 300, minimum: 1, maximum: 1_000_000 }), { description: 'Text messages per minute of all workers together; more than these wait' }),
  SMS_RATE_PER_RECIPIENT_PER_HOUR: variable(Type.Integer({ default: 20, minimum: 1, maximum: 100_000 }), { description: 'Text messages per hour to one number; more than these wait, and are dropped when they come too late' })
}

export const environment = defineEnvironment({
  ...commonVariables,
  ...smtp,
  SECRET_KEY: variable(Type.String({ minLength: 32, maxLength: 1_024 }), {
    description: 'Root of the hashes of recipients, at least 32 characters; after a change of it the addresses that do not exist are learnt again', secret: true, generate: () => randomToken(48)
  }),
  MAIL_SEAL_KEY_OTP: sealKey('otp-service'),
  MAIL_SEAL_KEY_GATEWAY: sealKey('auth-gateway'),
  MAIL_SEAL_KEY_SIGNER: sealKey('signer-service'),
  MAIL_SEAL_KEY_OTP_PREVIOUS: previousSealKey('otp-service'),
  MAIL_SEAL_KEY_GATEWAY_PREVIOUS: previousSealKey('auth-gateway'),
  MAIL_SEAL_KEY_SIGNER_PREVIOUS: previousSealKey('signer-service'),
  MAIL_CONCURRENCY: variable(Type.Integer({ default: 15, minimum: 1, maximum: 100 }), { description: 'Mails in hand at once for each of the three queues, each with a connection to the mail server: Postfix takes 50 of one client' }),
  MAIL_RATE_PER_MINUTE: variable(Type.Integer({ default: 6_000, minimum: 1, maximum: 1_000_000 }), { description: 'Mails per minute of all workers together; more than these wait' }),
  MAIL_RATE_PER_RECIPIENT_PER_HOUR: variable(Type.Integer({ default: 60, minimum: 1, maximum: 100_000 }), { description: 'Mails per hour to one address; more than these wait, and are dropped when they come too late' }),
  ...sms,
  MAIL_LEASE_SECONDS: variable(Type.Integer({ default: 30, minimum: 1, maximum: 600 }), {
    description: 'After this long, a mail or text message whose worker was killed is sent by another one'
  })
}, [
  ...commonRules,
  dkimRule,
  ({ MAIL_LEASE_SECONDS: lease, MAIL_SEND_TIMEOUT_SECONDS: timeout }, strict) =>
    strict && lease <= timeout ? { name: 'MAIL_LEASE_SECONDS', fault: 'must be longer than MAIL_SEND_TIMEOUT_SECONDS: else a slow mail is sent twice' } : undefined,
  ({ MAIL_LEASE_SECONDS: lease, SMS_SEND_TIMEOUT_SECONDS: timeout, SMS_PROVIDER_URL: url }, strict) =>
    strict && url !== undefined && lease <= timeout ? { name: 'MAIL_LEASE_SECONDS', fault: 'must be longer than SMS_SEND_TIMEOUT_SECONDS: else a slow text message is sent twice' } : undefined,
  ({ SMS_PROVIDER_URL: url, SMS_PROVIDER_ACCOUNT: account, SMS_PROVIDER_TOKEN: token, SMS_FROM: from }) =>
    new Set([url, account, token, from].map((value) => value === undefined)).size === 1 ? undefined : { name: 'SMS_PROVIDER_URL', fault: 'SMS_PROVIDER_ACCOUNT, SMS_PROVIDER_TOKEN and SMS_FROM go together' },
  ({ SMTP_USER: user, SMTP_PASS: pass }) => (user === undefined) === (pass === undefined) ? undefined : { name: 'SMTP_PASS', fault: 'and SMTP_USER go together' }
])

/** What `email verify`, `email test` and `email preview` need. */
export const smtpEnvironment = defineEnvironment({ NODE_ENV: commonVariables.NODE_ENV, ENVIRONMENT: commonVariables.ENVIRONMENT, ...smtp }, [dkimRule])

/** What `email preview` needs. */
export const previewEnvironment = defineEnvironment({
  NODE_ENV: commonVariables.NODE_ENV, ENVIRONMENT: commonVariables.ENVIRONMENT, PROJECT_NAME: smtp.PROJECT_NAME, MAIL_TEMPLATE_DIR: smtp.MAIL_TEMPLATE_DIR
})

const storesVariables = { NODE_ENV: commonVariables.NODE_ENV, ENVIRONMENT: commonVariables.ENVIRONMENT, MONGODB_URI: commonVariables.MONGODB_URI }
/** What `email suppressions` needs: addresses are found by a hash that only this key makes. */
export const suppressionsEnvironment = defineEnvironment({ ...storesVariables, SECRET_KEY: environment.variables.SECRET_KEY })
/** What `email failed` and `email requeue` need. */
export const failedMailsEnvironment = defineEnvironment({ ...storesVariables, REDIS_URL: commonVariables.REDIS_URL })

export type Config = ReturnType<typeof configFrom>

type SmtpValues = Values<typeof smtpEnvironment.variables>

export const smtpConfigFrom = (values: SmtpValues) => ({
  host: values.SMTP_HOST,
  port: values.SMTP_PORT,
  auth: values.SMTP_USER === undefined || values.SMTP_PASS === undefined ? undefined : { user: values.SMTP_USER, pass: values.SMTP_PASS },
  strict: isStrict({ NODE_ENV: values.NODE_ENV, ENVIRONMENT: values.ENVIRONMENT } satisfies EnvironmentSource),
  deadlineMs: values.MAIL_SEND_TIMEOUT_SECONDS * 1_000,
  from: { name: values.PROJECT_NAME, address: values.MAIL_FROM },
  unsubscribe: values.MAIL_UNSUBSCRIBE,
  dkim: dkimFrom(values)
})

function dkimFrom ({ MAIL_DKIM_DOMAIN: domainName, MAIL_DKIM_SELECTOR: keySelector, MAIL_DKIM_PRIVATE_KEY: pem }: Partial<SmtpValues>): { domainName: string, keySelector: string, privateKey: string } | undefined {
  return domainName === undefined || keySelector === undefined || pem === undefined ? undefined : { domainName, keySelector, privateKey: pem.replaceAll('\\n', '\n') }
}

const keys = (current: string, previous: string | undefined): Buffer[] => [current, ...previous === undefined ? [] : [previous]].map((text) => keyFromText(text))

function providerFrom ({ SMS_PROVIDER_URL: url, SMS_PROVIDER_ACCOUNT: account, SMS_PROVIDER_TOKEN: token, SMS_FROM: from, SMS_SEND_TIMEOUT_SECONDS: seconds }: Values<typeof sms>) {
  return url === undefined || account === undefined || token === undefined || from === undefined ? undefined : { url, account, token, from, deadlineMs: seconds * 1_000 }
}

export const configFrom = (values: Values<typeof environment.variables>) => ({
  process: processConfigFrom(values),
  ops: { host: values.OPS_HOST, port: values.OPS_PORT, metricsApiKey: metricsApiKeyOf(values) },
  mongo: { uri: values.MONGODB_URI, database: stores['email-worker'].database },
  redisUrl: values.REDIS_URL,
  smtp: smtpConfigFrom(values),
  brand: values.PROJECT_NAME,
  templateFolder: values.MAIL_TEMPLATE_DIR,
  secretKey: values.SECRET_KEY,
  rate: { perMinute: values.MAIL_RATE_PER_MINUTE, perRecipientPerHour: values.MAIL_RATE_PER_RECIPIENT_PER_HOUR },
  concurrency: values.MAIL_CONCURRENCY,
  leaseMs: values.MAIL_LEASE_SECONDS * 1_000,
  sms: {
    provider: providerFrom(values),
    domain: values.SMS_CODE_DOMAIN,
    rate: { perMinute: values.SMS_RATE_PER_MINUTE, perRecipientPerHour: values.SMS_RATE_PER_RECIPIENT_PER_HOUR }
  },
  sealKeys: {
    [mailFromOtp.name]: keys(values.MAIL_SEAL_KEY_OTP, values.MAIL_SEAL_KEY_OTP_PREVIOUS),
    [smsFromOtp.name]: keys(values.MAIL_SEAL_KEY_OTP, values.MAIL_SEAL_KEY_OTP_PREVIOUS),
    [mailFromGateway.name]: keys(values.MAIL_SEAL_KEY_GATEWAY, values.MAIL_SEAL_KEY_GATEWAY_PREVIOUS),
    [mailFromSigner.name]: keys(values.MAIL_SEAL_KEY_SIGNER, values.MAIL_SEAL_KEY_SIGNER_PREVIOUS)
  }
})
