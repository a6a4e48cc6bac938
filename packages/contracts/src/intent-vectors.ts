import type { TransactionIntent } from './intent.ts'

/** keccak-256 of no bytes: a native transfer carries no data. */
const noData = '0xc5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470'

const transfer: TransactionIntent = {
  deployment: 'test-deployment',
  tx_id: 'tx_01JD00000000000000000000A1',
  initiator: 'usr_01JD00000000000000000000B2',
  wallet: '0x7E5F4552091A69125d5DfCb7b8C2659029395Bdf',
  chain_id: 31_337,
  to: '0x2B5AD5c4795c026514f8317c7a215E218DcCD6cF',
  value: '250000000000000000',
  data_hash: noData,
  max_fee_total: '10000000000000000',
  valid_until: 1_900_000_000,
  policy_version: 1
}

/** Fixed intents and their digests: whoever computes the digest in another language or library compares with these. */
export const intentVectors: readonly { readonly intent: TransactionIntent, readonly digest: string }[] = Object.freeze([
  { intent: transfer, digest: '0x4df98d0e8ce6da378c96905ec77dba374ae8ca6bdf88e415797f700050d035dc' },
  { intent: { ...transfer, value: '250000000000000001' }, digest: '0xe74bc04c030e10054eeb76eb0bf0498bbfb8ccc52d247354fc715179fdc3fa7b' },
  {
    intent: {
      ...transfer,
      deployment: 'another',
      chain_id: 1,
      value: '0',
      max_fee_total: '115792089237316195423570985008687907853269984665640564039457584007913129639935',
      valid_until: 4_102_444_800,
      policy_version: 4_294_967_296
    },
    digest: '0x1abb5edd0953d171d82fa9fadc44c0a46f9d0dacfe68aabd0becacea04300a2c'
  }
])
