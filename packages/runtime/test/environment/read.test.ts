import t from 'tap'
import { Type } from 'typebox'
import { commonRules, commonVariables, defineEnvironment, EnvironmentFault, isGuardedUrl, jsonVariable, listVariable, readEnvironment, metricsApiKeyOf, variable, type Environment, type EnvironmentSource } from '../../src/index.ts'

const strong = 'kJ3_vQz8Wm1-XyP0aLr7TbN5cUe9HdGf'

const environment = defineEnvironment({
  PORT: variable(Type.Integer({ default: 8000, minimum: 1, maximum: 65535 }), { description: 'Public port' }),
  PUBLIC_URL: variable(Type.String({ pattern: '^https?://' }), { description: 'Public address', aliases: ['API_URL'] }),
  SECRET_KEY: variable(Type.String({ minLength: 32 }), { description: 'Root secret', secret: true }),
  SMTP_PASS: variable(Type.Optional(Type.String()), { description: 'Mail password', secret: 'issued', aliases: ['EMAIL_PASS'] }),
  ACCESS_LOG: variable(Type.Boolean({ default: false }), { description: 'A line per request' }),
  RATIO: variable(Type.Optional(Type.Number()), { description: 'A ratio' }),
  ACCOUNT: variable(Type.Optional(Type.String()), { description: 'Digits that are a text' }),
  EVM_CHAIN_IDS: listVariable(Type.Array(Type.Integer({ minimum: 1 }), { default: [31337] }), { description: 'Chains' }),
  CHAINS: jsonVariable(Type.Optional(Type.Array(Type.Object({ chain_id: Type.Integer(), rpc_urls: Type.Array(Type.String()) }, { additionalProperties: false }))), { description: 'Chains' }),
  ACCESS_TOKEN_EXPIRE_MINUTES: variable(Type.Integer({ default: 15 }), {
    description: 'Life of an access token', strict: (minutes) => minutes > 60 ? 'must be at most 60' : undefined
  }),
  FALLBACK: variable(Type.Boolean({ default: false }), { description: 'Raw keys', strict: 'refused' }),
  ADMIN: variable(Type.Optional(Type.String()), { description: 'Administrator', strict: 'required' })
})

const needed: EnvironmentSource = { PUBLIC_URL: 'https://a.test', SECRET_KEY: strong }

function faultsOf (env: EnvironmentSource, of: Environment = environment): readonly string[] {
  try {
    readEnvironment(of, env)
  } catch (error) {
    if (error instanceof EnvironmentFault) return error.faults
    throw error
  }
  return []
}

void t.test('texts become typed values, defaults fill in, what is optional and absent has no key', async (t) => {
  const values = readEnvironment(environment, {
    ...needed, PORT: '3001', ACCESS_LOG: '1', RATIO: '0.5', ACCOUNT: '0012', EVM_CHAIN_IDS: '1, 137,', CHAINS: '[{"chain_id":1,"rpc_urls":["https://a.test"]}]'
  })

  t.strictSame(values, {
    PORT: 3001, PUBLIC_URL: 'https://a.test', SECRET_KEY: strong, ACCESS_LOG: true, RATIO: 0.5, ACCOUNT: '0012', EVM_CHAIN_IDS: [1, 137],
    CHAINS: [{ chain_id: 1, rpc_urls: ['https://a.test'] }], ACCESS_TOKEN_EXPIRE_MINUTES: 15, FALLBACK: false
  })
  t.ok(Object.isFrozen(values))
  const port: number = values.PORT
  const chains: readonly { chain_id: number }[] | undefined = values.CHAINS
  t.ok(port && chains, 'the types are those of the schemas')
  t.match(readEnvironment(environment, { ...needed, ACCOUNT: '12' }), { PORT: 8000, ACCOUNT: '12', EVM_CHAIN_IDS: [31337] })
})

void t.test('an empty string counts as absent', async (t) => {
  t.equal(readEnvironment(environment, { ...needed, PORT: '', SMTP_PASS: '' }).PORT, 8000)
  t.strictSame(faultsOf({ ...needed, SECRET_KEY: '' }), ['SECRET_KEY is missing: Root secret'])
})

void t.test('all faults are reported at once, a line each, with the name and without the value', async (t) => {
  const faults = faultsOf({
    PORT: '70000', PUBLIC_URL: 'ftp://leaked-1', SECRET_KEY: 'leaked-2', ACCESS_LOG: 'leaked-3', RATIO: 'leaked-4', EVM_CHAIN_IDS: '1,leaked-5',
    CHAINS: '[{"chain_id":1,"rpc_urls":["leaked-6"],"x":1}]', ACCESS_TOKEN_EXPIRE_MINUTES: '99999999999999999999'
  })

  t.strictSame(faults.map((fault) => fault.split(' ')[0]), ['PORT', 'PUBLIC_URL', 'SECRET_KEY', 'ACCESS_LOG', 'RATIO', 'EVM_CHAIN_IDS', 'CHAINS', 'ACCESS_TOKEN_EXPIRE_MINUTES'])
  t.match(faults[0], /^PORT must be <= 65535: Public port$/)
  t.match(faults[5], /must be integer at \/1/)
  t.notMatch(faults.join('\n'), /leaked|70000|99999/)
  t.notMatch(new EnvironmentFault(faults).message, /\n|leaked/, 'the error itself is one line')
})

void t.test('a word that is not allowed is answered with those that are', async (t) => {
  const shaped = defineEnvironment({ SHAPE: variable(Type.Enum(['round', 'flat']), { description: 'Shape' }) })
  t.strictSame(faultsOf({ SHAPE: 'leaked' }, shaped), ['SHAPE must be one of round, flat: Shape'])
})

void t.test('JSON that cannot be parsed is not quoted', async (t) => {
  t.strictSame(faultsOf({ ...needed, CHAINS: '{"leaked' }), ['CHAINS is not valid JSON: Chains'])
})

void t.test('an alias is read, may repeat the canonical name, and may not contradict it', async (t) => {
  const { PUBLIC_URL: _canonical, ...rest } = needed
  t.equal(readEnvironment(environment, { ...rest, API_URL: 'https://b.test' }).PUBLIC_URL, 'https://b.test')
  t.equal(readEnvironment(environment, { ...needed, API_URL: 'https://a.test' }).PUBLIC_URL, 'https://a.test')
  t.strictSame(faultsOf({ ...needed, API_URL: 'https://b.test' }), ['PUBLIC_URL differs from its other name: PUBLIC_URL and API_URL are both set'])
  t.match(faultsOf({ ...rest, API_URL: 'b.test' })[0], /^PUBLIC_URL must match pattern .* \(set as API_URL\): Public address$/)
})

void t.test('strict mode, by either name and in any case, refuses and requires more', async (t) => {
  const given = { ...needed, ACCESS_TOKEN_EXPIRE_MINUTES: '61', FALLBACK: 'true' }
  t.strictSame(faultsOf(given), [])

  for (const production of [{ NODE_ENV: 'production' }, { ENVIRONMENT: 'production' }, { ENVIRONMENT: ' Production' }]) {
    t.strictSame(faultsOf({ ...given, ...production }), [
      'ACCESS_TOKEN_EXPIRE_MINUTES must be at most 60 in production',
      'FALLBACK must not be set in production',
      'ADMIN is missing: Administrator'
    ])
  }
  t.strictSame(faultsOf({ ...needed, ADMIN: 'a', NODE_ENV: 'production', ENVIRONMENT: 'staging', FALLBACK: '0' }), ['FALLBACK must not be set in production'])
})

void t.test('a secret that can be guessed is refused in strict mode only', async (t) => {
  const weak = {
    repeated: 'ab'.repeat(20), placeholder: `your-${strong}`, word: `${strong}changeme`, few: 'abcdefabcdefghghghijijijklklklmnmnmn', skewed: `${'a'.repeat(80)}zyxwvutsrqponmlkjihg`
  }
  for (const [kind, SECRET_KEY] of Object.entries(weak)) {
    t.strictSame(faultsOf({ ...needed, SECRET_KEY }), [], `${kind} in development`)
    const faults = faultsOf({ ...needed, SECRET_KEY, ADMIN: 'a', NODE_ENV: 'production' })
    t.match(faults, [/^SECRET_KEY (is a placeholder|has too few different characters|has less than 3 bits of entropy per character), which production refuses$/], kind)
    t.notOk(faults.join().includes(SECRET_KEY))
  }
  t.match(faultsOf({ ...needed, SECRET_KEY: weak.skewed, ADMIN: 'a', NODE_ENV: 'production' }), [/less than 3 bits/])
  const production = { ...needed, ADMIN: 'a', NODE_ENV: 'production' }
  t.strictSame(faultsOf(production), [])
  t.strictSame(faultsOf({ ...production, SECRET_KEY: '03f9b2c4d5e6a718' .repeat(2) + '9c4d5e6a7183f2b0' }), [], 'hexadecimal has only 16 characters')
  t.strictSame(faultsOf({ ...production, SMTP_PASS: 'abcd efgh' }), [], 'a password that somebody else chose is not measured')
  t.strictSame(faultsOf({ ...production, EMAIL_PASS: 'changeme' }), ['SMTP_PASS is a placeholder, which production refuses (set as EMAIL_PASS)'])
})

void t.test('rules over several variables are asked once each is right by itself', async (t) => {
  const ranged = defineEnvironment({
    LOW: variable(Type.Integer(), { description: 'Low' }),
    HIGH: variable(Type.Integer(), { description: 'High' })
  }, [({ LOW, HIGH }) => LOW > HIGH ? { name: 'LOW', fault: 'must not be above HIGH' } : undefined])

  t.strictSame(faultsOf({ LOW: '2', HIGH: '1' }, ranged), ['LOW must not be above HIGH'])
  t.strictSame(faultsOf({ LOW: 'x', HIGH: '1' }, ranged), ['LOW must be integer: Low'])
  t.strictSame(faultsOf({ LOW: '1', HIGH: '1' }, ranged), [])
})

void t.test('a declaration that contradicts itself is a mistake of the programmer', async (t) => {
  const text = Type.String()
  t.throws(() => defineEnvironment({ A: variable(text, { description: 'A' }), B: variable(text, { description: 'B', aliases: ['A'] }) }), /A is declared by A and by B/)
  t.throws(() => defineEnvironment({ A: variable(Type.String({ default: 'x' }), { description: 'A', secret: true }) }), /must have no default/)
})

void t.test('the common variables follow the rules of the house', async (t) => {
  const common = defineEnvironment(commonVariables)
  const stores = { MONGODB_URI: 'mongodb://127.0.0.1/', REDIS_URL: 'redis://127.0.0.1' }

  t.match(readEnvironment(common, { ...stores, LOG_LEVEL: 'WARN', DEBUG: 'true', CLOCK_OFFSET_MS: '-5000' }), {
    LOG_LEVEL: 'warn', ENVIRONMENT: 'development', CLOCK_OFFSET_MS: -5000, OPS_PORT: 0
  })
  t.equal(readEnvironment(common, { ...stores, NODE_ENV: 'production' }).ENVIRONMENT, 'production', 'the label follows NODE_ENV')
  t.equal(readEnvironment(common, { ...stores, NODE_ENV: '' }).ENVIRONMENT, 'development')
  t.match(faultsOf({ ...stores, LOG_LEVEL: 'loud' }, common), [/^LOG_LEVEL must be one of trace, debug, info, warn, error, fatal, silent/])
  t.strictSame(faultsOf({ ...stores, ENVIRONMENT: 'production', DEBUG: 'True', CLOCK_OFFSET_MS: '1' }, common), [
    'DEBUG must not be switched on in production', 'CLOCK_OFFSET_MS must not be set in production'
  ])
  t.strictSame(faultsOf({ ...stores, ENVIRONMENT: 'production', DEBUG: 'false' }, common), [])
  t.strictSame(faultsOf({ REDIS_URL: 'redis://a', DATABASE_URL: 'postgresql://leaked@db/x' }, common), [
    'MONGODB_URI is missing: MongoDB replica set, with the user of this service',
    'DATABASE_URL names PostgreSQL; this is MongoDB: set MONGODB_URI'
  ])
  t.strictSame(faultsOf({ ...needed, DATABASE_URL: 'postgresql://db/x' }), [], 'a process without MongoDB does not care')
})

void t.test('in production the metrics ask for a key, unless that is switched off', async (t) => {
  const common = defineEnvironment(commonVariables, commonRules)
  const stores = { MONGODB_URI: 'mongodb://127.0.0.1/', REDIS_URL: 'redis://127.0.0.1' }
  const production = { ...stores, NODE_ENV: 'production' }

  t.strictSame(faultsOf(production, common), ['METRICS_API_KEY is missing, and METRICS_REQUIRE_API_KEY is on'])
  t.equal(metricsApiKeyOf(readEnvironment(common, { ...production, METRICS_API_KEY: strong })), strong)
  t.equal(metricsApiKeyOf(readEnvironment(common, { ...production, METRICS_REQUIRE_API_KEY: 'false', METRICS_API_KEY: strong })), undefined)
  t.equal(metricsApiKeyOf(readEnvironment(common, stores)), undefined)
})

t.test('without TLS only those are asked who are next door', (t) => {
  for (const url of ['https://node.example.com/v2/key', 'http://127.0.0.1:8545', 'http://[::1]:8545', 'http://10.1.2.3', 'http://172.31.0.1', 'http://192.168.1.1', 'http://[fd00::1]', 'http://geth:8545', 'http://geth.chain.svc', 'http://node.corp.internal']) {
    t.ok(isGuardedUrl(url), url)
  }
  for (const url of ['http://node.example.com', 'http://172.32.0.1', 'http://11.0.0.1', 'http://10.evil.example', 'http://[2001:db8::1]', 'http://svc.example', 'http://10.0.0.1.example.com', 'https://[secret', '']) {
    t.notOk(isGuardedUrl(url), url)
  }
  t.end()
})
