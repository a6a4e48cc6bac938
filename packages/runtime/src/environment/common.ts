/** The variables that every service reads. Spread them into a service's own `defineEnvironment`. */
import { Type } from 'typebox'
import { isStrict } from './strict.ts'
import { variable, type Values } from './variable.ts'

const levels = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const

export const commonVariables = {
  NODE_ENV: variable(Type.String({ default: 'development', maxLength: 64 }), { description: 'production switches strict mode on' }),
  ENVIRONMENT: variable(Type.String({ default: 'development', pattern: '^[A-Za-z0-9_.-]{1,64}$' }), {
    description: 'Label in answers, logs and metrics (NODE_ENV when absent); production switches strict mode on',
    fallback: ({ NODE_ENV }) => NODE_ENV === '' ? undefined : NODE_ENV
  }),
  LOG_LEVEL: variable(Type.Union(levels.map((level) => Type.Literal(level)), { default: 'info' }), { description: 'Lowest level that is logged, any case', caseless: true }),
  LOG_DIR: variable(Type.Optional(Type.String()), { description: 'Folder that receives a copy of the logs, one file per service' }),
  DEBUG: variable(Type.Optional(Type.String()), {
    description: 'Debug switch of libraries and of the earlier systems',
    strict: (value) => /^(true|1|yes|on|\*)$/i.test(value.trim()) ? 'must not be switched on' : undefined
  }),
  DEPLOY_SHA: variable(Type.String({ default: 'unknown', pattern: '^[A-Za-z0-9_.-]{1,64}$' }), { description: 'Commit of this deployment, on every log line and in build_info' }),
  OPS_HOST: variable(Type.String({ default: '127.0.0.1' }), { description: 'Address on which /health, /ready and /metrics listen' }),
  OPS_PORT: variable(Type.Integer({ default: 0, minimum: 0, maximum: 65535 }), { description: 'Port of /health, /ready and /metrics; 0 takes a free one' }),
  METRICS_REQUIRE_API_KEY: variable(Type.Boolean({ default: false }), {
    description: 'Whether /metrics asks for METRICS_API_KEY; on by default in production', fallback: (env) => isStrict(env) ? 'true' : undefined
  }),
  METRICS_API_KEY: variable(Type.Optional(Type.String({ minLength: 16, maxLength: 256 })), {
    description: 'What a scrape sends as X-Api-Key or as bearer token', secret: true
  }),
  MONGODB_URI: variable(Type.String({ pattern: '^mongodb(\\+srv)?://' }), {
    description: 'MongoDB replica set, with the user of this service', example: 'mongodb://127.0.0.1:27017/?replicaSet=rs0'
  }),
  REDIS_URL: variable(Type.String({ pattern: '^rediss?://' }), { description: 'Redis, with the user of this service', example: 'redis://127.0.0.1:6379' }),
  START_TIMEOUT_SECONDS: variable(Type.Integer({ default: 30, minimum: 1, maximum: 600 }), { description: 'How long a start may wait for what it needs' }),
  STOP_TIMEOUT_SECONDS: variable(Type.Integer({ default: 20, minimum: 1, maximum: 600 }), { description: 'How long a stop may take before the process exits all the same' }),
  CLOCK_OFFSET_MS: variable(Type.Integer({ default: 0 }), {
    description: 'Moves the clock of this process, for tests', strict: 'refused'
  })
} as const

/** Beside `commonVariables`, as rules of the same environment. */
export const commonRules = [
  ({ METRICS_REQUIRE_API_KEY: required, METRICS_API_KEY: key }: { readonly METRICS_REQUIRE_API_KEY: boolean, readonly METRICS_API_KEY?: string | undefined }) =>
    required && key === undefined ? { name: 'METRICS_API_KEY' as const, fault: 'is missing, and METRICS_REQUIRE_API_KEY is on' } : undefined
]

/** @returns the key that /metrics asks for, or undefined when it is open to whoever reaches the operations port. */
export const metricsApiKeyOf = ({ METRICS_REQUIRE_API_KEY: required, METRICS_API_KEY: key }: { readonly METRICS_REQUIRE_API_KEY: boolean, readonly METRICS_API_KEY?: string | undefined }): string | undefined =>
  required ? key : undefined

/** What main.ts and app.ts need of the common variables, grouped as a service's config has it. */
export const processConfigFrom = (values: Pick<Values<typeof commonVariables>, 'ENVIRONMENT' | 'DEPLOY_SHA' | 'LOG_LEVEL' | 'LOG_DIR' | 'START_TIMEOUT_SECONDS' | 'STOP_TIMEOUT_SECONDS' | 'CLOCK_OFFSET_MS'>) => ({
  environment: values.ENVIRONMENT,
  sha: values.DEPLOY_SHA,
  logLevel: values.LOG_LEVEL,
  logDirectory: values.LOG_DIR,
  startSeconds: values.START_TIMEOUT_SECONDS,
  stopMs: values.STOP_TIMEOUT_SECONDS * 1_000,
  clockOffsetMs: values.CLOCK_OFFSET_MS
})
