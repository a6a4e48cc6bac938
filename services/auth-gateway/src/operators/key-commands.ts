/** `keys rotate|list|check`: the keys that sign access tokens. Private halves are never printed. */
import { createAudit, inTransaction, type Mongo } from '@countersign/mongo'
import { UsageFault, type CliCommand } from '@countersign/runtime'
import { deriveKey, generateAccessTokenKey, thumbprint } from '@countersign/secrets'
import type { GatewayConfig } from '../config.ts'
import { faultsOfKeys } from '../signing-keys/check-signing-keys.ts'
import { createKeySeal, type KeySeal } from '../signing-keys/key-seal.ts'
import { createSigningKeyRotation } from '../signing-keys/rotate-signing-keys.ts'
import { jwksCacheSeconds } from '../signing-keys/signing-key.ts'
import { createSigningKeyRepository, type DatedKey } from '../signing-keys/signing-key-repository.ts'
import type { WithMongo } from './with-mongo.ts'

const actor = 'command line'

export const keyCommands = (withMongo: WithMongo): CliCommand[] => [
  {
    name: 'keys rotate',
    description: `Sign access tokens with a new key: it is published now and signs in ${jwksCacheSeconds} s, the old one stays good until its last token ends`,
    options: [['--now', 'for a key that somebody else may hold: the new one signs at once, and tokens of every other are refused within seconds']],
    run: ({ options, print, line }) => withMongo(async (mongo, config) => {
      const { rotation } = open(mongo, config)
      const { privateJwk } = generateAccessTokenKey()
      if (options.now === true) {
        const kid = await rotation.replaceAll(privateJwk, actor)
        print({ kid, state: 'current' }, () => { line(`${kid} signs from now on; every other key is retired, and its holders refresh`) })
        return 0
      }
      await rotation.adopt(config.tokens.privateJwk)
      const kid = await rotation.begin(privateJwk, actor)
      if (kid === undefined) throw new Error('a rotation is under way: countersign keys list shows the next key; --now does not wait for it')
      print({ kid, state: 'next', signs_in_seconds: jwksCacheSeconds }, () => { line(`${kid} is published now and signs in ${jwksCacheSeconds} s`) })
      return 0
    })
  },
  {
    name: 'keys list',
    description: 'The keys of access tokens: which signs, which is next, which are still good',
    run: ({ print, table }) => withMongo(async (mongo, config) => {
      const rows = (await open(mongo, config).keys.list()).map(({ kid, state, origin, createdAt, signsFrom, retiresAt }) => ({
        kid, state, origin, created: createdAt.toISOString(), signs_from: signsFrom.toISOString(), retires: retiresAt?.toISOString() ?? null
      }))
      print(rows, () => { table(rows, ['kid', 'state', 'origin', 'created', 'signs_from', 'retires']) })
      return 0
    })
  },
  {
    name: 'keys check',
    description: 'Whether the keys of access tokens are in order; exit 1 and the reasons when they are not',
    options: [['--max-age-days <days>', 'how long a key may sign', '90']],
    run: ({ options, print, line }) => withMongo(async (mongo, config) => {
      const mostDays = Number(options.maxAgeDays)
      if (!(mostDays > 0)) throw new UsageFault('--max-age-days is a number of days')
      const { keys, keySeal } = open(mongo, config)
      const faults = faultsOfKeys({ keys: await keys.list(), environmentKid: thumbprint(config.tokens.privateJwk), opens: (key) => opens(keySeal, key), mostDays })
      print({ ok: faults.length === 0, faults }, () => { for (const text of faults.length === 0 ? ['the keys of access tokens are in order'] : faults) line(text) })
      return faults.length === 0 ? 0 : 1
    })
  }
]

function open (mongo: Mongo, { secretKey, tokens }: GatewayConfig) {
  const keys = createSigningKeyRepository(mongo)
  const keySeal = createKeySeal(deriveKey(secretKey, 'signing-key'))
  const rotation = createSigningKeyRotation({
    keys, keySeal, audit: createAudit(mongo.db), tokenSeconds: tokens.ttlSeconds, inTransaction: (work) => inTransaction(mongo, work)
  })
  return { keys, keySeal, rotation }
}

function opens (keySeal: KeySeal, { kid, sealedPrivate }: DatedKey): boolean {
  try {
    return sealedPrivate !== undefined && thumbprint(keySeal.open(kid, sealedPrivate)) === kid
  } catch {
    return false
  }
}
