/**
 * Signing in with a wallet, 1,000 accounts in turn. All challenges are issued and all proofs signed before `verify` is timed; each is used once.
 * Beside it, in the same run, the ceiling: a bare Fastify route and the bare cryptography of the path, as one process would do both.
 */
import { createSign, generateKeyPairSync } from 'node:crypto'
import { verifyEvmMessage, verifySolanaMessage } from '@countersign/wallet-proofs'
import { ask, openHouse, type House } from './gateway/house.ts'
import { inFlight, measurePath, operationsFor, printRows, rowOf, together, type PathMeasured } from './gateway/report.ts'
import { askChallenge, oneAfterAnother, openSessions, proofOf, signIn, walletsOf, type Challenge } from './gateway/sign-in.ts'
import type { BenchedFamily } from './gateway/wallets.ts'
import { closedLoop, rateOf } from './load/measure.ts'
import { whole } from './table.ts'

const accounts = 1_000
const mostPerSecond = 2_500
const ceilingMs = 1_000

const verifyOf: Readonly<Record<BenchedFamily, (proof: { message: string, signature: string, address: string }) => Promise<{ valid: boolean }>>> =
  { evm: verifyEvmMessage, solana: verifySolanaMessage }

const house = await openHouse()
try {
  const bare = await closedLoop(() => ask(house.bare, { method: 'POST', path: '/tokens', body: { address: '' } }), { inFlight, ms: 2_000 })
  const tokens = await rateOf(signsToken(), ceilingMs)
  for (const family of ['evm', 'solana'] as const) {
    const { challenge, verify, crypto } = await measureFamily(house, family)
    const ceiling = together(bare.perSecond, crypto, tokens)
    const pair = together(challenge.full.perSecond, verify.full.perSecond)
    printRows(`Sign-in, ${family}`, [rowOf(challenge, bare.perSecond), rowOf(verify, ceiling)], [
      `challenge and verify, one after the other: ${whole(pair)} pairs/s, ${(cpuOf(challenge) + cpuOf(verify)).toFixed(2)} ms of gateway CPU`,
      `ceiling of verify: bare Fastify route ${whole(bare.perSecond)}/s, signature check ${whole(crypto)}/s, ES256 token ${whole(tokens)}/s, one after the other`
    ])
  }
} finally {
  await house.close()
}

async function measureFamily (given: House, family: BenchedFamily): Promise<{ challenge: PathMeasured, verify: PathMeasured, crypto: number }> {
  const wallets = walletsOf(family, accounts)
  await openSessions(given, family, wallets)

  const issued: Challenge[] = []
  let turn = 0
  const issue = async (): Promise<void> => { issued.push(await askChallenge(given, family, wallets[turn++ % accounts] ?? wallets[0]!)) }
  const challenge = await measurePath(given, 'challenge', issue)
  while (issued.length < operationsFor(mostPerSecond)) await Promise.all(Array.from({ length: inFlight }, issue))

  const proofs = issued.map(proofOf)
  const [{ address, signed_message: message, signature } = { address: '', signed_message: '', signature: '' }] = proofs
  const next = oneAfterAnother(proofs)
  const verify = await measurePath(given, 'verify', () => signIn(given, family, next()))
  return { challenge, verify, crypto: await rateOf(() => verifyOf[family]({ address, message, signature }), ceilingMs) }
}

/** An ES256 signature over as much as an access token has. */
function signsToken (): () => unknown {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const text = 'x'.repeat(400)
  return () => createSign('sha256').update(text).sign({ key: privateKey, dsaEncoding: 'ieee-p1363' }).toString('base64url')
}

function cpuOf ({ full }: PathMeasured): number {
  return full.cpuMs['gateway'] ?? NaN
}
