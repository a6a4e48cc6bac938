import type { WalletFamily } from '@countersign/contracts'
import { createLogger, createMetrics } from '@countersign/runtime'
import { secp256k1Backend } from '@countersign/wallet-proofs'
import t from 'tap'
import { createSignaturePool } from '../../src/signature-pool/signature-pool.ts'
import { proofs } from './proofs.ts'

const metrics = createMetrics({ service: 'test', sha: 'test' })
const pool = createSignaturePool({ log: createLogger({ service: 'test', level: 'silent', sha: 'test', environment: 'test' }), metrics })
t.teardown(() => pool.close())
const families = Object.keys(proofs) as WalletFamily[]

t.test('with the native library every family is checked on the loop, right and wrong', async (t) => {
  t.equal(secp256k1Backend(), 'native')
  for (const family of families) {
    t.match(await pool.verify(family, proofs[family]), family === 'bitcoin' ? { result: 'valid' } : { valid: true, address: proofs[family].address }, family)
    t.match(await pool.verify(family, { ...proofs[family], message: 'another text' }), family === 'bitcoin' ? { result: 'invalid' } : { valid: false }, family)
  }

  const counted = await metrics.text()
  for (const family of families) t.match(counted, `signature_check_seconds_count{family="${family}",where="loop"} 2`)
  t.notMatch(counted, 'where="thread"')
})

t.test('no value makes it reject', async (t) => {
  for (const family of families) {
    for (const value of [{}, { message: 1, signature: null, address: [] }, { ...proofs[family], signature: '\uD800' }]) {
      t.match(await pool.verify(family, value as typeof proofs[WalletFamily]), family === 'bitcoin' ? { result: 'invalid' } : { valid: false })
    }
  }
})
