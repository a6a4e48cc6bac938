/** The environment of signer-service, grouped by who uses it. */
import { Amount, ChainId, EmailAddress, EvmAddress, stores } from '@countersign/contracts'
import {
  commonRules, commonVariables, defineEnvironment, isGuardedUrl, isStrict, jsonVariable, metricsApiKeyOf, processConfigFrom, variable, type EnvironmentSource, type Values
} from '@countersign/runtime'
import { keyFromText, randomToken } from '@countersign/secrets'
import { Type } from 'typebox'
import { usualMulticall3 } from './calls/multicall3.ts'
import { checksummed } from './chain/address.ts'
import { crashPointNames } from './crash-points.ts'

const Base64url32 = Type.String({ pattern: '^[A-Za-z0-9_-]{43}$' })
const RpcUrl = Type.String({ pattern: '^https?://' })
const Chain = Type.Object({
  chain_id: ChainId,
  /**
   * `${ALCHEMY_API_KEY}` and `${INFURA_PROJECT_ID}` are filled in. Tried in order, or, where one has a weight, each serves its share of the
   * lanes (1 where it has none itself; 0: only when no other can be asked). A lane stays with one of them.
   */
  rpc_urls: Type.Array(Type.Union([RpcUrl, Type.Object({ url: RpcUrl, weight: Type.Integer({ minimum: 0, maximum: 1_000 }) }, { additionalProperties: false })]), { minItems: 1, maxItems: 8 }),
  /** Blocks that make a transaction final, its own included. */
  confirmations: Type.Integer({ minimum: 1, maximum: 10_000 }),
  block_time_ms: Type.Integer({ minimum: 50, maximum: 600_000 }),
  /** Shown to whoever confirms. May only be left out where the coin is known to be ETH. */
  symbol: Type.Optional(Type.String({ pattern: '^[A-Z0-9]{2,8}$' })),
  /** Most wei of gas that one transaction may cost, where its policy rule says nothing. */
  max_fee_total: Type.Optional(Amount),
  /** Wei below which the lane of a wallet pauses and the operator is told; `wallets reserve` says it for one wallet. */
  min_balance: Type.Optional(Amount),
  /** Whether its transactions pay a base fee and a tip. False: legacy transactions with one gas price (EIP-155). */
  eip1559: Type.Optional(Type.Boolean()),
  /** Where Multicall3 stands; `null` where it does not, so that there are no batches. */
  multicall3: Type.Optional(Type.Union([EvmAddress, Type.Null()])),
  /** Tokens that are shown by their symbol and in whole units for confirmation; any other by its address and in its smallest unit. */
  tokens: Type.Optional(Type.Array(Type.Object({
    address: EvmAddress,
    symbol: Type.String({ pattern: '^[A-Za-z0-9._-]{1,16}$' }),
    decimals: Type.Integer({ minimum: 0, maximum: 36 })
  }, { additionalProperties: false }), { maxItems: 256 })),
  /** Such as `https://etherscan.io`: transactions are linked below `/tx/`. */
  explorer_url: Type.Optional(Type.String({ pattern: '^https?://[^\\s?#]{1,200}$' }))
}, { additionalProperties: false })

const Ed25519PublicJwk = Type.Object({
  kty: Type.Literal('OKP'),
  crv: Type.Literal('Ed25519'),
  x: Base64url32,
  kid: Type.Optional(Type.String()),
  alg: Type.Optional(Type.String()),
  use: Type.Optional(Type.String())
}, { additionalProperties: false })

const ReceiptKeys = Type.Object({ keys: Type.Array(Ed25519PublicJwk, { minItems: 1, maxItems: 8 }) }, { additionalProperties: false })
const RpcKey = Type.Optional(Type.String({ pattern: '^[A-Za-z0-9_-]{8,128}$' }))
const urlOf = (one: string | { readonly url: string }): string => typeof one === 'string' ? one : one.url
const placeholders = { '${ALCHEMY_API_KEY}': 'ALCHEMY_API_KEY', '${INFURA_PROJECT_ID}': 'INFURA_PROJECT_ID' } as const

/** Chains whose coin is ETH: the mainnet, its rollups, their test networks, and local chains. */
const etherChains: ReadonlySet<number> = new Set([
  1, 10, 130, 324, 1_337, 8_453, 17_000, 31_337, 42_161, 42_170, 59_144, 81_457, 84_532, 421_614, 534_351, 534_352, 560_048, 7_777_777, 11_155_111, 11_155_420
])

export const environment = defineEnvironment({
  ...commonVariables,
  DEPLOYMENT_ID: variable(Type.String({ pattern: '^[A-Za-z0-9_.-]{1,64}$' }), {
    description: 'Part of every digest, so that a confirmation of one deployment means nothing in another', example: 'production-eu'
  }),
  MONGODB_DATABASE: variable(Type.String({ default: stores['signer-service'].database, pattern: '^[A-Za-z0-9_-]{1,63}$' }), { description: 'Database of this service' }),
  SECRET_KEY: variable(Type.String({ minLength: 32, maxLength: 1_024 }), {
    description: 'Root of the key that authenticates list cursors, at least 32 characters', secret: true, generate: () => randomToken(48)
  }),
  RECEIPT_PUBLIC_JWKS: jsonVariable(ReceiptKeys, { description: 'Public keys (JWKS, Ed25519) of otp-service that may sign receipts' }),
  MAIL_SEAL_KEY: variable(Base64url32, {
    description: 'Seals the mails of this service, 32 bytes in base64url; the same as MAIL_SEAL_KEY_SIGNER of email-worker', secret: true, generate: () => randomToken(32)
  }),
  OPERATOR_EMAIL: variable(Type.Optional(EmailAddress), { description: 'Who is told that a wallet cannot pay' }),
  CHAINS: jsonVariable(Type.Array(Chain, { minItems: 1, maxItems: 64 }), {
    description: 'Chains as JSON', example: '[{"chain_id":1,"rpc_urls":["https://…"],"confirmations":12,"block_time_ms":12000}]',
    strict: (chains) => chains.every(({ rpc_urls: urls }) => urls.every((one) => isGuardedUrl(urlOf(one)))) ? undefined : 'must have nodes over https, or a private network\'s,'
  }),
  ALCHEMY_API_KEY: variable(RpcKey, { description: 'Fills ${ALCHEMY_API_KEY} in RPC URLs', secret: 'issued' }),
  INFURA_PROJECT_ID: variable(RpcKey, { description: 'Fills ${INFURA_PROJECT_ID} in RPC URLs', secret: 'issued' }),
  RPC_TIMEOUT_MS: variable(Type.Integer({ default: 5_000, minimum: 100, maximum: 60_000 }), { description: 'Longest wait for one answer of a chain' }),
  CONFIRMATION_TTL_SECONDS: variable(Type.Integer({ default: 900, minimum: 1, maximum: 86_400 }), { description: 'How long a transaction waits for its confirmation' }),
  LANE_LEASE_SECONDS: variable(Type.Integer({ default: 5, minimum: 1, maximum: 300 }), { description: 'After this long the lanes of a dead process are free' }),
  LANE_POLL_MS: variable(Type.Integer({ default: 500, minimum: 20, maximum: 60_000 }), { description: 'Shortest time between two looks of a lane at its chain; a quarter of the block time where that is longer' }),
  LANE_IN_FLIGHT: variable(Type.Integer({ default: 64, minimum: 1, maximum: 1_024 }), { description: 'Transactions of one wallet that may be on their way at once' }),
  LANE_RESEND_SECONDS: variable(Type.Integer({ default: 15, minimum: 1, maximum: 3_600 }), { description: 'The same bytes are sent again after this long without progress' }),
  LANE_STUCK_SECONDS: variable(Type.Integer({ default: 90, minimum: 1, maximum: 86_400 }), { description: 'A replacement with higher fees is sent after this long without progress' }),
  AWS_REGION: variable(Type.String({ default: 'us-east-1', pattern: '^[a-z0-9-]{2,32}$' }), { description: 'Region of the KMS keys' }),
  AWS_ENDPOINT_URL: variable(Type.Optional(Type.String({ pattern: '^https?://' })), {
    description: 'KMS endpoint in place of the Region\'s own', strict: (value) => value === undefined || value.startsWith('https://') ? undefined : 'must be https'
  }),
  KMS_KEY_ID: variable(Type.Optional(Type.String({ pattern: '^[A-Za-z0-9:/_-]{1,256}$' })), { description: 'Default key of `wallets create` and `kms test`' }),
  AUDIT_KMS_KEY_ID: variable(Type.Optional(Type.String({ pattern: '^[A-Za-z0-9:/_-]{1,256}$' })), {
    description: 'KMS key (ECC_SECG_P256K1) that signs the checkpoints of the audit, and nothing else: no wallet\'s key. Without it nothing is sealed'
  }),
  AUDIT_SEAL_AFTER_SECONDS: variable(Type.Integer({ default: 120, minimum: 1, maximum: 86_400 }), {
    description: 'Age at which an audit row is sealed: at least twice transactionLifetimeLimitSeconds of MongoDB, so that no transaction commits an older one later',
    strict: (value) => typeof value === 'number' && value < 120 ? 'must be at least 120' : undefined
  }),
  AUDIT_SEAL_INTERVAL_SECONDS: variable(Type.Integer({ default: 30, minimum: 1, maximum: 3_600 }), { description: 'Pause between two rounds of sealing, each of which signs once per wallet that something happened to' }),
  RECONCILE_INTERVAL_SECONDS: variable(Type.Integer({ default: 600, minimum: 1, maximum: 3_600 }), { description: 'Pause between two comparisons of every wallet with its chains' }),
  KMS_TIMEOUT_MS: variable(Type.Integer({ default: 5_000, minimum: 100, maximum: 60_000 }), { description: 'Longest time of one KMS call, retries included' }),
  KMS_SIGNS_PER_SECOND: variable(Type.Integer({ default: 800, minimum: 1, maximum: 100_000 }), {
    description: 'Most Sign attempts of all processes together, with bursts of a tenth on top: below the quota that AWS gives the account (1,000 a second per Region)'
  }),
  KMS_MAX_ATTEMPTS: variable(Type.Integer({ default: 3, minimum: 1, maximum: 10 }), { description: 'Attempts of one KMS call' }),
  HOT_WALLET_PRIVATE_KEY: variable(Type.Optional(Type.String({ pattern: '^(0x)?[0-9a-fA-F]{64}$' })), {
    description: 'Raw private key of the wallet key `local`, for development; needs ALLOW_PRIVATE_KEY_FALLBACK=true', secret: 'issued', strict: 'refused'
  }),
  ALLOW_PRIVATE_KEY_FALLBACK: variable(Type.Boolean({ default: false }), {
    description: 'Lets HOT_WALLET_PRIVATE_KEY be used', strict: (value) => value ? 'must not be switched on' : undefined
  }),
  CRASH_AT: variable(Type.Optional(Type.Union(crashPointNames.map((name) => Type.Literal(name)))), {
    description: 'For tests: the process kills itself at this point', strict: 'refused'
  })
}, [
  ...commonRules,
  ({ HOT_WALLET_PRIVATE_KEY: key, ALLOW_PRIVATE_KEY_FALLBACK: allowed }) =>
    key === undefined || allowed ? undefined : { name: 'HOT_WALLET_PRIVATE_KEY', fault: 'is only used with ALLOW_PRIVATE_KEY_FALLBACK=true' },
  ({ CHAINS: chains }) =>
    new Set(chains.map(({ chain_id: id }) => id)).size === chains.length ? undefined : { name: 'CHAINS', fault: 'names a chain twice' },
  ({ CHAINS: chains }) => {
    const nameless = chains.find(({ chain_id: id, symbol }) => symbol === undefined && !etherChains.has(id))
    return nameless === undefined ? undefined : { name: 'CHAINS', fault: `must give the symbol of the coin of chain ${nameless.chain_id}` }
  },
  ({ CHAINS: chains }) => {
    const wrong = chains.flatMap(({ tokens = [], multicall3 }) => [...tokens.map(({ address }) => address), ...typeof multicall3 === 'string' ? [multicall3] : []]).find((address) => checksummed(address) === undefined)
    return wrong === undefined ? undefined : { name: 'CHAINS', fault: `has an address with a wrong EIP-55 checksum: ${wrong}` }
  },
  ({ CHAINS: chains }) => {
    const twice = chains.find(({ tokens = [] }) => new Set(tokens.flatMap(({ address, symbol }) => [address.toLowerCase(), symbol.toLowerCase()])).size < 2 * tokens.length)
    return twice === undefined ? undefined : { name: 'CHAINS', fault: `names a token, or a symbol, of chain ${twice.chain_id} twice` }
  },
  (values) => {
    const used = values.CHAINS.flatMap(({ rpc_urls: urls }) => urls.map(urlOf)).join(' ')
    const missing = Object.entries(placeholders).find(([text, name]) => used.includes(text) && values[name] === undefined)
    return missing === undefined ? undefined : { name: missing[1], fault: 'is used by CHAINS and not set' }
  },
  ({ LANE_RESEND_SECONDS: resend, LANE_STUCK_SECONDS: stuck }) =>
    resend <= stuck ? undefined : { name: 'LANE_RESEND_SECONDS', fault: 'must not be longer than LANE_STUCK_SECONDS' }
])

export type Config = ReturnType<typeof configFrom>
export type ChainConfig = Config['chains'][number]

/** 0.01 of a coin with 18 decimals: some 450 gwei for a plain transfer. */
const defaultMaxFeeTotal = '10000000000000000'

export const configFrom = (values: Readonly<Values<typeof environment.variables>>) => ({
  process: {
    ...processConfigFrom(values),
    strict: isStrict(values as unknown as EnvironmentSource),
    crashAt: values.CRASH_AT
  },
  ops: { host: values.OPS_HOST, port: values.OPS_PORT, metricsApiKey: metricsApiKeyOf(values) },
  mongo: { uri: values.MONGODB_URI, database: values.MONGODB_DATABASE },
  redisUrl: values.REDIS_URL,
  deployment: values.DEPLOYMENT_ID,
  secretKey: values.SECRET_KEY,
  receiptKeys: values.RECEIPT_PUBLIC_JWKS,
  mail: { sealKey: keyFromText(values.MAIL_SEAL_KEY), operator: values.OPERATOR_EMAIL },
  chains: values.CHAINS.map((chain) => ({
    chainId: chain.chain_id,
    rpcUrls: chain.rpc_urls.map((one) => ({ url: filled(urlOf(one), values), ...typeof one === 'object' && { weight: one.weight } })),
    confirmations: chain.confirmations,
    blockTimeMs: chain.block_time_ms,
    symbol: chain.symbol ?? 'ETH',
    maxFeeTotal: chain.max_fee_total ?? defaultMaxFeeTotal,
    minBalance: chain.min_balance,
    eip1559: chain.eip1559 ?? true,
    multicall3: chain.multicall3 === null ? undefined : checksummed(chain.multicall3 ?? usualMulticall3),
    tokens: (chain.tokens ?? []).map(({ address, ...token }) => ({ address: checksummed(address) ?? address, ...token })),
    explorerUrl: chain.explorer_url?.replace(/\/+$/, '')
  })),
  rpcTimeoutMs: values.RPC_TIMEOUT_MS,
  confirmationTtlMs: values.CONFIRMATION_TTL_SECONDS * 1_000,
  lanes: {
    leaseMs: values.LANE_LEASE_SECONDS * 1_000,
    pollMs: values.LANE_POLL_MS,
    inFlight: values.LANE_IN_FLIGHT,
    resendMs: values.LANE_RESEND_SECONDS * 1_000,
    stuckMs: values.LANE_STUCK_SECONDS * 1_000
  },
  kms: {
    region: values.AWS_REGION,
    ...values.AWS_ENDPOINT_URL !== undefined && { endpoint: values.AWS_ENDPOINT_URL },
    timeoutMs: values.KMS_TIMEOUT_MS,
    maxAttempts: values.KMS_MAX_ATTEMPTS
  },
  signsPerSecond: values.KMS_SIGNS_PER_SECOND,
  defaultKeyId: values.KMS_KEY_ID,
  reconcileMs: values.RECONCILE_INTERVAL_SECONDS * 1_000,
  audit: { keyId: values.AUDIT_KMS_KEY_ID, sealAfterMs: values.AUDIT_SEAL_AFTER_SECONDS * 1_000, sealIntervalMs: values.AUDIT_SEAL_INTERVAL_SECONDS * 1_000 },
  localPrivateKey: values.ALLOW_PRIVATE_KEY_FALLBACK ? values.HOT_WALLET_PRIVATE_KEY : undefined
})

const filled = (url: string, values: Partial<Record<'ALCHEMY_API_KEY' | 'INFURA_PROJECT_ID', string>>): string =>
  Object.entries(placeholders).reduce((text, [placeholder, name]) => text.replaceAll(placeholder, values[name] ?? ''), url)
