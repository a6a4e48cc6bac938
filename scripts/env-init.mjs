// countersign env init: a .env for docker-compose.yml with fresh secrets. Prints names, never values.
import { randomBytes } from 'node:crypto'
import { existsSync, writeFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { root } from './process.mjs'

const help = `Usage: countersign env init [--file PATH] [--force] [--json]

Writes a file (default .env, mode 600) with fresh secrets, one set per service, as docker-compose.yml reads it.
An existing file is kept unless --force is given: its secrets may be in use.
`

const token = (bytes) => randomBytes(bytes).toString('base64url')

/** [name, value or undefined for an empty line to fill in, comment] */
async function variables () {
  const { generateAccessTokenKey, generateReceiptKey } = await import('../packages/secrets/dist/src/index.js')
  const receipts = generateReceiptKey()
  const perService = ['AUTH_GATEWAY', 'OTP_SERVICE', 'SIGNER_SERVICE', 'EMAIL_WORKER']
  return [
    ['NODE_ENV', 'development', 'production switches strict mode on'],
    ['PUBLIC_URL', 'http://localhost:8000', 'origin of the gateway as its callers see it'],
    ['PROJECT_NAME', 'Countersign', 'brand in messages and mails'],
    ['DEPLOYMENT_ID', `local-${randomBytes(4).toString('hex')}`, 'names this deployment in everything that is confirmed'],
    ['CHAINS', JSON.stringify([{ chain_id: 31337, rpc_urls: ['http://anvil:8545'], confirmations: 2, block_time_ms: 1000 }]), 'chains that the signer serves'],
    ['EVM_CHAIN_IDS', '31337', 'chains that sign-in accepts'],
    ['EVM_RPC_URLS', JSON.stringify({ 31337: 'http://anvil:8545' }), 'nodes that sign-in asks about contract wallets'],
    ['MONGO_ADMIN_PASSWORD', token(32), 'administrator of MongoDB; the services have users of their own'],
    ['MONGO_KEY_FILE', randomBytes(48).toString('base64'), 'shared by the members of the replica set'],
    ['REDIS_ADMIN_PASSWORD', token(32), 'administrator of Redis'],
    ...perService.map((name) => [`${name}_PASSWORD`, token(32), 'MongoDB and Redis user of that service']),
    ...perService.map((name) => [`${name}_SECRET_KEY`, token(48), 'root of that service\'s HMAC keys']),
    ['ACCESS_TOKEN_PRIVATE_JWK', JSON.stringify(generateAccessTokenKey().privateJwk), 'signs access tokens'],
    ['RECEIPT_PRIVATE_JWK', JSON.stringify(receipts.privateJwk), 'signs receipts; otp-service alone'],
    ['RECEIPT_PUBLIC_JWKS', JSON.stringify({ keys: [receipts.publicJwk] }), 'checks receipts'],
    ...['OTP', 'GATEWAY', 'SIGNER'].map((name) => [`MAIL_SEAL_KEY_${name}`, token(32), 'seals that producer\'s mail jobs'])
  ]
}

export async function initEnvironment (args) {
  let values
  try {
    values = parseArgs({ args, options: { file: { type: 'string', default: '.env' }, force: { type: 'boolean' }, json: { type: 'boolean' }, help: { type: 'boolean' } } }).values
  } catch (error) {
    process.stderr.write(`error: ${error.message}\n`)
    return 2
  }
  if (values.help) {
    process.stdout.write(help)
    return 0
  }
  const file = values.file.startsWith('/') ? values.file : `${root}${values.file}`
  if (existsSync(file) && !values.force) {
    process.stderr.write(`error: ${values.file} exists and its secrets may be in use; --force replaces it\n`)
    return 1
  }
  const rows = await variables()
  const quoted = (value) => /^[A-Za-z0-9_.:/@,+=-]*$/.test(value) ? value : `'${value}'`
  writeFileSync(file, `${rows.map(([name, value, comment]) => `# ${comment}\n${name}=${quoted(value)}\n`).join('\n')}`, { mode: 0o600 })
  process.stdout.write(values.json ? `${JSON.stringify({ file: values.file, variables: rows.map(([name]) => name) })}\n` : `${values.file} written (mode 600) with ${rows.length} variables; start with: docker compose up\n`)
  return 0
}
