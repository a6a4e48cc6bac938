import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { problems, type Problem, type WalletFamily } from '@countersign/contracts'
import { createLogger, createMetrics } from '@countersign/runtime'
import { secp256k1Backend } from '@countersign/wallet-proofs'
import t, { type Test } from 'tap'
import { generatePrivateKey, privateKeyToAccount } from 'viem/accounts'
import { createSignaturePool } from '../../src/signature-pool/signature-pool.ts'
import { verifiers } from '../../src/signature-pool/verifiers.ts'
import { proofs } from './proofs.ts'

// The loader of the addon looks for a binary of this architecture and finds none, as on a platform without one; the threads inherit it.
process.env['npm_config_arch'] = 'none'

const families = Object.keys(proofs) as WalletFamily[]
const openPool = (t: Test, options: { size?: number, queueLimit?: number } = {}) => {
  const metrics = createMetrics({ service: 'test', sha: 'test' })
  const pool = createSignaturePool({ ...options, log: createLogger({ service: 'test', level: 'silent', sha: 'test', environment: 'test' }), metrics })
  t.teardown(() => pool.close())
  return { pool, metrics }
}
const fifty = <T>(check: () => Promise<T>): Promise<T[]> => Promise.all(Array.from({ length: 50 }, check))

/** How often the event loop came round, and so could have served others, before the work was done. */
async function turnsDuring (work: () => Promise<unknown>): Promise<number> {
  let turns = 0
  let next = setImmediate(function turn () {
    turns += 1
    next = setImmediate(turn)
  })
  await work()
  clearImmediate(next)
  return turns
}

t.test('without the native library all but Ed25519 is checked in threads, with the same verdicts', async (t) => {
  t.equal(secp256k1Backend(), 'noble')
  const { pool, metrics } = openPool(t)
  for (const family of families) {
    const wrong = { ...proofs[family], message: 'another text' }
    t.match(await pool.verify(family, proofs[family]), family === 'bitcoin' ? { result: 'valid' } : { valid: true }, family)
    t.strictSame(await pool.verify(family, proofs[family]), await verifiers[family](proofs[family] as never))
    t.strictSame(await pool.verify(family, wrong), await verifiers[family](wrong as never))
  }

  const counted = await metrics.text()
  for (const family of families) t.match(counted, `signature_check_seconds_count{family="${family}",where="${family === 'solana' ? 'loop' : 'thread'}"} 3`)
})

t.test('fifty Bitcoin proofs hold the event loop from the first to the last, and in the pool not even for one', async (t) => {
  const { pool } = openPool(t)
  // Both have loaded what they need.
  await Promise.all([pool.verify('bitcoin', proofs.bitcoin), verifiers.bitcoin(proofs.bitcoin)])

  t.equal(await turnsDuring(() => fifty(() => verifiers.bitcoin(proofs.bitcoin))), 0)
  const turns = await turnsDuring(() => fifty(() => pool.verify('bitcoin', proofs.bitcoin)))

  t.ok(turns > 50, `${turns} turns`)
})

t.test('of fifty proofs at once on one thread with ten places, eleven are checked and the others told to come again', async (t) => {
  const { pool, metrics } = openPool(t, { size: 1, queueLimit: 10 })

  const outcomes = await fifty(() => pool.verify('evm', proofs.evm).then(({ valid }) => valid, (reason: Problem) => reason))

  t.equal(outcomes.filter((outcome) => outcome === true).length, 11)
  const refused = outcomes.filter((outcome) => typeof outcome !== 'boolean' && outcome.kind === problems.unavailable && outcome.extensions.retry_after === 1)
  t.equal(refused.length, 39)
  t.match(await metrics.text(), 'signature_checks_unavailable_total{family="evm"} 39')
})

t.test('what no key signed is asked of the node where there is one, and only then', async (t) => {
  const { pool } = openPool(t)
  let asked = 0
  const rpc = {
    request: async () => {
      asked += 1
      throw new Error('no answer')
    }
  }
  t.match(await pool.verify('evm', { ...proofs.evm, chainId: 1, rpc }), { valid: true, method: 'eoa' })
  t.equal(asked, 0)

  const wrong = { ...proofs.evm, message: 'another text', chainId: 1, rpc }
  t.strictSame(await pool.verify('evm', wrong), await verifiers.evm(wrong))
})

t.test('typed data is checked as texts are, and asked of the node where no key signed it', async (t) => {
  const { pool, metrics } = openPool(t)
  const account = privateKeyToAccount(generatePrivateKey())
  const typedData = { domain: { name: 'Countersign' }, types: { Note: [{ name: 'text', type: 'string' }] }, primaryType: 'Note', message: { text: 'a text' } } as const
  const proof = { typedData, signature: await account.signTypedData(typedData), address: account.address }
  t.match(await pool.verify('evm', proof), { valid: true, method: 'eoa' })
  t.match(await pool.verify('evm', { ...proof, typedData: { ...typedData, message: { text: 'another text' } } }), { valid: false, reason: 'signature is not by this address' })
  t.match(await metrics.text(), 'signature_check_seconds_count{family="evm",where="thread"} 2')
  const rpc = { request: async () => { throw new Error('no answer') } }
  t.match(await pool.verify('evm', { ...proof, signature: '0x00', chainId: 1, rpc }), { valid: false, reason: 'unavailable' })
})

t.test('a process ends although its threads were never closed', async (t) => {
  const { stdout } = await promisify(execFile)(process.execPath, [fileURLToPath(new URL('./ends-by-itself.js', import.meta.url))], { env: process.env })

  t.equal(stdout, 'valid thread\n')
})
