import { execFile } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import t from 'tap'
import { createLogger, scrubText, serializeError } from '../../src/index.ts'

const run = promisify(execFile)

function openLogger (level = 'info') {
  const lines: string[] = []
  const log = createLogger({ service: 'otp-service', level, sha: 'abc123', environment: 'test', destination: { write: (line) => { lines.push(line) } } })
  return { log, lines, last: (): Record<string, unknown> => JSON.parse(lines.at(-1) ?? '{}') }
}

void t.test('each line is one JSON object with service, environment, sha, level word and RFC 3339 time', async (t) => {
  const { log, lines, last } = openLogger()

  log.debug('below the level')
  log.info({ challenge_id: 'chl_1' }, 'OTP sent')

  t.equal(lines.length, 1)
  t.match(last(), { level: 'info', service: 'otp-service', environment: 'test', sha: 'abc123', pid: process.pid, challenge_id: 'chl_1', msg: 'OTP sent', time: /^\d{4}-\d\d-\d\dT.*Z$/ })
})

void t.test('secret names are redacted at any depth, in arrays, in children and in either spelling', async (t) => {
  const { log, last, lines } = openLogger()
  const names = [
    'code', 'codes', 'otp', 'token', 'access_token', 'refresh_token', 'refreshToken', 'signature', 'signed_message', 'signedMessage', 'secret', 'SECRET_KEY', 'password',
    'authorization', 'Authorization', 'cookie', 'set-cookie', 'email', 'to', 'html', 'text', 'body', 'sealed', 'receipt', 'private_key', 'hotWalletPrivateKey', 'privateJwk', 'x-api-key'
  ]
  for (const name of names) {
    log.info({ [name]: 'leaked', a: { [name]: 'leaked', b: { [name]: ['leaked'], c: [{ [name]: { x: 'leaked' } }] } } }, name)
    log.child({ [name]: 'leaked', deep: { [name]: 'leaked' } }).info('child')
    log.child({}).child({ [name]: 'leaked' }, { level: 'info' }).info('grandchild')
  }
  const child = log.child({})
  child.setBindings({ token: 'leaked', kept: 1 })
  child.info('bound')

  t.match(last(), { token: '[redacted]', kept: 1 })
  t.notMatch(lines.join(''), 'leaked')
})

void t.test('bytes, private keys and foreign objects are named, not written', async (t) => {
  class Session { readonly inside = 'leaked' }
  const { log, last, lines } = openLogger()
  const cyclic: Record<string, unknown> = {}
  cyclic.self = cyclic

  log.info({
    bytes: Buffer.from('leaked'), buffer: new ArrayBuffer(4), jwk: { kty: 'OKP', d: 'leaked' }, nested: { key: { kty: 'OKP', d: 'leaked' } }, session: new Session(), cyclic,
    at: new Date(0), wei: 10n ** 20n, id: { toJSON: () => ({ hex: 'ff', token: 'leaked' }) }, none: null, absent: undefined, count: 2, bare: Object.create(null)
  })

  t.match(last(), {
    bytes: '[bytes]', buffer: '[bytes]', nested: { key: '[redacted]' }, session: '[Session]', at: '1970-01-01T00:00:00.000Z', wei: '100000000000000000000',
    id: { hex: 'ff', token: '[redacted]' }, none: null, count: 2, bare: {}
  })
  t.match(lines.join(''), '[deep]')
  t.notMatch(lines.join(''), 'leaked')
})

void t.test('an error keeps type, message, stack and code, and loses everything else', async (t) => {
  const { log, last, lines } = openLogger()
  const error = Object.assign(new TypeError('no such host', { cause: { value: 'leaked' } }), { code: 'ENOTFOUND', config: { auth: 'leaked' }, request: 'leaked' })

  log.error({ err: error }, 'failed')
  t.strictSame(Object.keys(last().err as object).sort(), ['code', 'message', 'stack', 'type'])
  t.match(last(), { err: { type: 'TypeError', message: 'no such host', code: 'ENOTFOUND' }, msg: 'failed' })
  log.error({ failure: { reason: error } })
  t.match(last(), { failure: { reason: { code: 'ENOTFOUND' } } }, 'wherever it stands')
  log.error(error)
  t.match(last(), { err: { code: 'ENOTFOUND' }, msg: 'no such host' })
  log.error({ err: 'a text' })
  t.match(last(), { err: 'a text' })
  t.notMatch(lines.join(''), 'leaked')
  t.strictSame(serializeError(Object.assign(new Error('x'), { code: { leaked: 1 }, stack: undefined })), { type: 'Error', message: 'x' })
})

void t.test('addresses lose user, password, query and key-like segments, in errors, messages and fields', async (t) => {
  const { log, lines } = openLogger()
  const uri = 'mongodb://user:leaked@db.test:27017/auth?token=leaked'

  log.error(new Error(`cannot reach ${uri}`))
  log.error({ err: new Error(`cannot reach ${uri}`), uri, list: [uri] }, 'see %s', uri)
  log.info(`plain ${uri}`)

  t.notMatch(lines.join(''), 'leaked')
  t.match(lines[0], 'mongodb://[redacted]@db.test:27017/auth?[redacted]')
  t.equal(scrubText('redis://:p@ss/w@127.0.0.1:6379, then'), 'redis://[redacted]@127.0.0.1:6379, then')
  t.equal(scrubText('https://eth.test/v2/abcdefghijklmnopqrstuvwxyz012345 failed'), 'https://eth.test/v2/[redacted] failed')
  t.equal(scrubText('https://scan.test/tx/0x1234567890abcdef1234567890abcdef#x'), 'https://scan.test/tx/0x1234567890abcdef1234567890abcdef?[redacted]')
  t.equal(scrubText('at file:///a/tap@1/x.js?y:1:2'), 'at file:///a/tap@1/x.js?y:1:2', 'stack traces stay readable')
  t.equal(scrubText('nothing here'), 'nothing here')
})

void t.test('what the house issues is recognised anywhere in a text', async (t) => {
  const { log, lines } = openLogger()
  const random = 'leaked_-leaked'.repeat(3)
  for (const [credential, kept] of [
    [`sess_${random}`, 'sess_[redacted]'],
    [`sk_live_${'leaked0123456789'.repeat(4)}`, 'sk_live_[redacted]'],
    [`csr1.ses_01ARZ3NDEKTSV4RRFFQ69G5FAV.7.${random}`, 'csr1.ses_01ARZ3NDEKTSV4RRFFQ69G5FAV.7.[redacted]'],
    [`eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJ1c3JfMSJ9.${random}`, 'eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJ1c3JfMSJ9.[redacted]']
  ] as const) {
    t.equal(scrubText(`no route GET:/api/wallet/verify/${credential}?x`), `no route GET:/api/wallet/verify/${kept}?x`)
    log.info({ path: `/a/${credential}`, deep: [{ why: credential }], err: new Error(credential) }, credential)
  }
  t.notMatch(lines.join(''), 'leaked')
  t.equal(scrubText('session ses_01ARZ3NDEKTSV4RRFFQ69G5FAV'), 'session ses_01ARZ3NDEKTSV4RRFFQ69G5FAV', 'public handles stay')
})

void t.test('requests and replies are logged without query, headers and body', async (t) => {
  const { log, last } = openLogger()
  class Request { readonly id = 'r1'; readonly method = 'GET'; readonly url = '/a?token=leaked'; readonly headers = { authorization: 'leaked' } }

  log.info({ req: new Request(), res: { statusCode: 200, body: 'leaked' } })
  t.match(last(), { req: { id: 'r1', method: 'GET', url: '/a' }, res: { statusCode: 200 } })
  t.strictSame(Object.keys(last().req as object), ['id', 'method', 'url'])
  for (const secret of [`sess_${'x'.repeat(43)}`, `sess%5F${'x'.repeat(43)}`, `%73ess_${'x'.repeat(43)}`]) {
    log.info({ req: Object.assign(new Request(), { url: `/api/wallet/verify/${secret}#x` }) })
    t.match(last(), { req: { url: '/api/wallet/verify/[redacted]' } })
  }
  log.info({ req: 'x', res: 'y' })
  t.notOk('req' in last())
  log.info({ req: {}, res: null })
  t.match(last(), { req: {} })
})

void t.test('stdout gets every line, and LOG_DIR a copy', async (t) => {
  const directory = join(t.testdir(), 'logs')
  const fixture = fileURLToPath(new URL('../fixtures/log-lines.js', import.meta.url))

  const { stdout } = await run(process.execPath, [fixture, directory])

  t.equal(stdout.trim().split('\n').length, 2)
  t.equal(await readFile(join(directory, 'fixture.log'), 'utf8'), stdout)
})
