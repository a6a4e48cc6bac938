import fc from 'fast-check'
import t from 'tap'
import { getAddress } from 'viem'
import { canonicalEvmAddress } from '../../src/index.ts'

// The examples of EIP-55.
const examples = [
  '0x52908400098527886E0F7030069857D2E4169EE7', '0x8617E340B3D01FA5F11F306F4090FD50E238070D', '0xde709f2102306220921060314715629080e2fb77', '0x27b1fdb04752bbc536007a920d24acb045561c26',
  '0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed', '0xfB6916095ca1df60bB79Ce92cE3Ea74c37c5d359', '0xdbF03B407c01E7cD3CBea99509d93f8DDDC8C6FB', '0xD1220A0cf47c7B9Be7A2E6BA89F429762e7b9aDb'
]

t.test('every spelling of an address has one canonical form', async (t) => {
  for (const address of examples) {
    const digits = address.slice(2)
    for (const form of [address, address.toLowerCase(), `0x${digits.toUpperCase()}`]) t.equal(canonicalEvmAddress(form), address, form)
  }
  fc.assert(fc.property(fc.uint8Array({ minLength: 20, maxLength: 20 }), (bytes) => {
    const address = `0x${Buffer.from(bytes).toString('hex')}` as const
    return canonicalEvmAddress(address) === getAddress(address)
  }))
})

t.test('a wrong checksum and whatever is no address have none', async (t) => {
  t.equal(canonicalEvmAddress('0x5aAeb6053F3E94C9b9A09f33669435E7Ef1Beaed'), undefined)
  for (const value of ['', '0x', '5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed', '0X52908400098527886E0F7030069857D2E4169EE7', undefined, null, 1, {}, [examples[0]], Symbol('a')]) {
    t.equal(canonicalEvmAddress(value as string), undefined)
  }
})
