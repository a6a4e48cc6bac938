import { execFile } from 'node:child_process'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import t from 'tap'
import { Type } from 'typebox'
import {
  checkEnvironment, commonVariables, createCli, defineEnvironment, describeEnvironment, environmentCommands, environmentNotices, generateEnvironmentFile, jsonVariable, listVariable, variable,
  type EnvironmentSource
} from '../../src/index.ts'

const run = promisify(execFile)
const strong = 'kJ3_vQz8Wm1-XyP0aLr7TbN5cUe9HdGf'

const environment = defineEnvironment({
  PORT: variable(Type.Integer({ default: 8000 }), { description: 'Public port' }),
  MODE: variable(Type.Union([Type.Literal('fast'), Type.Literal('safe')], { default: 'safe' }), { description: 'Mode' }),
  SHAPE: variable(Type.Enum(['round', 'flat'], { default: 'flat' }), { description: 'Shape', strict: 'required' }),
  SECRET_KEY: variable(Type.String(), { description: 'Root secret', secret: true, generate: () => strong }),
  OTHER_KEY: variable(Type.String(), { description: 'Another', secret: true, generate: async () => `${strong}2` }),
  SMTP_PASS: variable(Type.Optional(Type.String()), { description: 'Mail password', secret: 'issued', aliases: ['EMAIL_PASS'] }),
  MONGODB_URI: variable(Type.String(), { description: 'Store', example: 'mongodb://127.0.0.1/?replicaSet=rs0&x=$1' }),
  ORIGINS: listVariable(Type.Array(Type.String(), { default: ['a', 'b'] }), { description: 'Origins', strict: () => undefined }),
  CHAINS: jsonVariable(Type.Array(Type.Integer(), { default: [1] }), { description: 'Chains' }),
  RATIO: variable(Type.Number({ default: 0.5 }), { description: 'Ratio' }),
  FLAG: variable(Type.Boolean({ default: false }), { description: 'Flag' })
})

const env: EnvironmentSource = {
  PORT: 'leaked-port', SECRET_KEY: 'leakedleakedleaked', MONGODB_URI: 'mongodb://leaked', JWT_SECRET: 'leaked', ALGORITHM: 'HS256', DATABASE_URL: 'postgres://leaked'
}

void t.test('a check gives the state of each variable and never its value', async (t) => {
  const rows = checkEnvironment(environment, env)

  t.strictSame(rows.map(({ name, state }) => `${name} ${state}`), [
    'PORT wrong', 'MODE default', 'SHAPE default', 'SECRET_KEY weak', 'OTHER_KEY missing', 'SMTP_PASS absent', 'MONGODB_URI set', 'ORIGINS default', 'CHAINS default',
    'RATIO default', 'FLAG default', 'DATABASE_URL wrong', 'JWT_SECRET unused', 'ALGORITHM unused'
  ])
  t.match(rows[3]?.fault, 'has too few different characters')
  t.notMatch(JSON.stringify(rows), /leaked/)
})

void t.test('a process says at start which names do nothing and which secrets are weak', async (t) => {
  t.strictSame(environmentNotices(environment, env), [
    'accepted but unused environment variables: JWT_SECRET, ALGORITHM',
    'weak secrets, refused in production: SECRET_KEY'
  ])
  t.strictSame(environmentNotices(environment, { SECRET_KEY: strong }), [])
})

void t.test('a description tells type, default and rules', async (t) => {
  const rows = Object.fromEntries(describeEnvironment(environment).map((row) => [row.name, row]))

  t.match(rows.PORT, { type: 'integer', required: false, secret: false, default: '8000' })
  t.match(rows.MODE, { type: 'fast|safe', default: 'safe' })
  t.match(rows.SHAPE, { type: 'round|flat', production: 'required' })
  t.match(rows.SECRET_KEY, { type: 'text', required: true, secret: true, default: undefined })
  t.match(rows.SMTP_PASS, { required: false, aliases: ['EMAIL_PASS'] })
  t.match(rows.ORIGINS, { type: 'list', default: 'a,b', production: 'restricted' })
  t.match(rows.CHAINS, { type: 'json', default: '[1]' })
  t.match([rows.RATIO?.type, rows.FLAG?.type], ['number', 'boolean'])
  t.match(describeEnvironment(defineEnvironment(commonVariables)).find(({ name }) => name === 'ENVIRONMENT'), { required: false, default: 'development' })
})

void t.test('a generated file is read alike by node and by a shell, with fresh secrets and the values given', async (t) => {
  const other = defineEnvironment({
    PORT: variable(Type.Integer({ default: 9 }), { description: 'Port' }),
    ONLY_HERE: variable(Type.String(), { description: 'Two\nlines' })
  })
  const chains = '[{"rpc": "https://a.test/${KEY}#x"}]'
  const text = await generateEnvironmentFile([{ title: 'one', environment }, { title: 'two', environment: other }, { title: 'three', environment: other }], {
    secrets: 'fresh', values: { CHAINS: chains, ONLY_HERE: 'here' }
  })
  const file = join(t.testdir(), '.env')
  await writeFile(file, text)

  const names = ['SECRET_KEY', 'OTHER_KEY', 'MONGODB_URI', 'CHAINS', 'ONLY_HERE', 'PORT']
  const print = `process.stdout.write(JSON.stringify(${JSON.stringify(names)}.map((name) => process.env[name] ?? null)))`
  const expected = [strong, `${strong}2`, 'mongodb://127.0.0.1/?replicaSet=rs0&x=$1', chains, 'here', null]
  t.strictSame(JSON.parse((await run(process.execPath, [`--env-file=${file}`, '-e', print], { env: {} })).stdout), expected)
  t.strictSame(JSON.parse((await run('sh', ['-c', `set -a; . "${file}"; exec "${process.execPath}" -e '${print}'`], { env: {} })).stdout), expected)
  t.equal(text.match(/^(# )?PORT=/gm)?.length, 1, 'a shared variable stands once')
  t.match(text, '# (optional; integer; read by one, two, three)\n# PORT=8000')
  t.match(text, '# Two lines\n')
  t.match(text, '# (optional; text; also read as EMAIL_PASS; read by one)\n# SMTP_PASS=\n')
})

void t.test('an example file leaves secrets blank', async (t) => {
  const text = await generateEnvironmentFile([{ title: 'one', environment }], { secrets: 'blank' })

  t.match(text, /^SECRET_KEY=$/m)
  t.notOk(text.includes(strong))
})

void t.test('a value that the readers would take differently is refused without being shown', async (t) => {
  await t.rejects(generateEnvironmentFile([{ title: 'one', environment }], { secrets: 'blank', values: { PORT: "lea'ked" } }), { message: /^the value of PORT (?!.*lea)/ })
})

void t.test('env check and env describe mount on any command line', async (t) => {
  const call = async (env: EnvironmentSource, ...args: string[]) => {
    let out = ''
    const cli = createCli({ name: 'service', description: 'A service', stdout: (text) => { out += text } }).add(...environmentCommands({ title: 'service', environment, env }))
    return { code: await cli.run(['node', 'service', ...args]), out }
  }

  const bad = await call(env, 'env', 'check')
  t.equal(bad.code, 1)
  t.match(bad.out, /^VARIABLE +STATE +WHY\nPORT +wrong +must be integer: Public port\n/)
  t.notMatch(bad.out, 'leaked')
  const good = await call({ SECRET_KEY: strong, OTHER_KEY: strong, MONGODB_URI: 'mongodb://a', POSTGRES_PASSWORD: 'x' }, 'env', 'check', '--json')
  t.equal(good.code, 0, 'unused names are no fault')
  t.match(JSON.parse(good.out), [{ name: 'PORT', state: 'default' }])
  t.match((await call({}, 'env', 'describe')).out, /^SECRET_KEY +text +required +secret +Root secret$/m)
  t.match(JSON.parse((await call({}, 'env', 'describe', '--json')).out), [{ name: 'PORT', default: '8000' }])
  t.match((await call({}, 'env', 'describe', '--example')).out, /^# --- service ---$/m)
})
