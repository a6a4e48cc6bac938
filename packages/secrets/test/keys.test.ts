import { calculateJwkThumbprint } from 'jose'
import t from 'tap'
import { generateAccessTokenKey, generateReceiptKey, publicHalf, thumbprint } from '../src/index.ts'

void t.test('the thumbprint is the one of RFC 8037, appendix A.3, for both halves of the key', async (t) => {
  const key = { kty: 'OKP', crv: 'Ed25519', d: 'nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A', x: '11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo' }

  t.equal(thumbprint(key), 'kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k')
  t.equal(thumbprint(publicHalf(key)), thumbprint(key))
})

void t.test('generated keys are fresh, name their use, and keep the private part in one half', async (t) => {
  const kinds = [
    { generate: generateReceiptKey, kind: { kty: 'OKP', crv: 'Ed25519', alg: 'EdDSA', use: 'sig' } },
    { generate: generateAccessTokenKey, kind: { kty: 'EC', crv: 'P-256', alg: 'ES256', use: 'sig' } }
  ]
  for (const { generate, kind } of kinds) {
    const { privateJwk, publicJwk, kid } = generate()
    t.match(privateJwk, { ...kind, kid, d: /^[A-Za-z0-9_-]{43}$/ })
    t.match(publicJwk, { ...kind, kid })
    t.notOk('d' in publicJwk)
    t.equal(kid, await calculateJwkThumbprint({ ...publicJwk }))
    t.not(generate().kid, kid)
  }
})
