/**
 * Ada, her logins and her treasury: the values of every example in the API's description, so that one call's example fits the next.
 * None of them opens anything: the texts of credentials are cut short, and the keys behind the signatures are thrown away.
 */
import type { WalletFamily } from '../access.ts'

export const ada = {
  userId: 'usr_01KJMBQDE0YX9JA2E2RWE7DPKB',
  username: 'ada',
  email: 'ada@example.com',
  maskedEmail: 'a***@e***.com',
  phoneNumber: '+41790000012',
  maskedNumber: '+41…••12',
  password: 'paper-lantern-42-orchard',
  nextPassword: 'copper-harbour-19-thistle',
  sessionId: 'ses_01KJMBS8108NMVRFQG0TZ6DA5G',
  challengeId: 'chl_01KJMBQDE0110G8AVFB4WXEMS5',
  factorId: 'fct_01KJMBQDE0110G8AVFB4WXEMS5',
  apiKeyId: 'key_01KJMCJWB0NHAAE97FD0V73QEB',
  apiKey: 'sk_live_4d0c…91be',
  accessToken: 'eyJhbGciOiJFUzI1NiIsInR5cCI6ImF0K2p3dCJ9.eyJzdWIi…',
  refreshToken: 'csr1.ses_01KJMBS8108NMVRFQG0TZ6DA5G.0.Jm5v…',
  opener: 'gzqWeVGB4uooDnKkakfrTKM7dnPBkjUDAwQ9BnLKYd4',
  linkToken: 'qT4v8Zr1LxW0bNcY7uKd3mEoS9hGfJ2aPiV5tRkXyB6',
  code: '492817',
  secondCode: '106354',
  totpSecret: 'GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ',
  recoveryCodes: ['7Q4Z-0RWA-K93M-VX1D', 'B2HN-8T5E-YJ6C-PG0S'],
  walletId: 'wal_01KGC3EG00Q5HS41TJ11YKNEMJ',
  policyId: 'pol_01KGC40SY0RRDKA9ZDYFSZ733H',
  transactionId: 'tx_01KJMDEB8082N1CDVGRYXAQZQQ',
  signatureId: 'sig_01KJMDEB8082N1CDVGRYXAQZQR',
  treasury: '0x9965507D1a55bcC2695C58ba16FB37d819B0A4dc',
  payee: '0x3C44CdDdB6a900fa2b585dd299e03d12FA4293BC',
  digest: '0x84821e4da9218b68cdfd5d262de541a818ae1d7fce5dbeb09451975a379867a5',
  signedUpAt: '2026-03-01T09:30:00.000Z',
  signedInAt: '2026-03-01T09:31:00.000Z',
  codeEndsAt: '2026-03-01T09:35:00.000Z',
  sessionEndsAt: '2026-03-02T09:31:00.000Z'
} as const

interface WalletExample {
  readonly address: string
  /** CAIP-10 */
  readonly account: string
  readonly chainName: string
  readonly chainReference: string
  readonly nonce: string
  /** Signatures of the message for each purpose. */
  readonly login: string
  readonly link: string
  readonly publicKey?: string
}

const credentialId = 'p3xK0m4Zr2yQv8bT1nWcUg'
/** CollectedClientData of one challenge, made and got. */
const clientData = {
  create: 'eyJ0eXBlIjoid2ViYXV0aG4uY3JlYXRlIiwiY2hhbGxlbmdlIjoidk45YzJyVDR1WDd5S3ExbUI4ZUhzMGRMdzNnRnpKNmFQaVFvUnhVY0V0WSIsIm9yaWdpbiI6Imh0dHBzOi8vYXV0aC5leGFtcGxlLmNvbSIsImNyb3NzT3JpZ2luIjpmYWxzZX0',
  get: 'eyJ0eXBlIjoid2ViYXV0aG4uZ2V0IiwiY2hhbGxlbmdlIjoidk45YzJyVDR1WDd5S3ExbUI4ZUhzMGRMdzNnRnpKNmFQaVFvUnhVY0V0WSIsIm9yaWdpbiI6Imh0dHBzOi8vYXV0aC5leGFtcGxlLmNvbSIsImNyb3NzT3JpZ2luIjpmYWxzZX0'
} as const
const descriptor = { id: credentialId, type: 'public-key', transports: ['internal'] }

/** A passkey of Ada's; the bytes of her authenticator are cut short. */
export const adasPasskey = {
  creation: {
    rp: { id: 'auth.example.com', name: 'Countersign' },
    user: { id: 'mT6wQ2sX9dLk4vNcR8bYf3hJzG7pUe1oAiKtWqEyBxM', name: ada.username, displayName: ada.username },
    challenge: 'vN9c2rT4uX7yKq1mB8eHs0dLw3gFzJ6aPiQoRxUcEtY',
    pubKeyCredParams: [{ type: 'public-key', alg: -7 }, { type: 'public-key', alg: -8 }, { type: 'public-key', alg: -257 }],
    timeout: 300_000,
    excludeCredentials: [],
    authenticatorSelection: { residentKey: 'required', requireResidentKey: true, userVerification: 'required' },
    attestation: 'none',
    extensions: { credProps: true }
  },
  request: { rpId: 'auth.example.com', challenge: 'vN9c2rT4uX7yKq1mB8eHs0dLw3gFzJ6aPiQoRxUcEtY', timeout: 300_000, userVerification: 'required', allowCredentials: [descriptor] },
  anyRequest: { rpId: 'auth.example.com', challenge: 'vN9c2rT4uX7yKq1mB8eHs0dLw3gFzJ6aPiQoRxUcEtY', timeout: 300_000, userVerification: 'required' },
  created: { id: credentialId, rawId: credentialId, type: 'public-key', response: { clientDataJSON: clientData.create, attestationObject: 'o2NmbXRkbm9uZWdhdHRTdG10oGhhdXRoRGF0YVik', transports: ['internal'] } },
  asserted: {
    id: credentialId, rawId: credentialId, type: 'public-key',
    response: { clientDataJSON: clientData.get, authenticatorData: 'SZYN5YgOjGh0NBcPZHZgW4', signature: 'MEUCIQDx3wZ1', userHandle: 'mT6wQ2sX9dLk4vNcR8bYf3hJzG7pUe1oAiKtWqEyBxM' }
  }
} as const

/** A wallet of each family with its signatures of `walletMessage`; they are right, a test of the gateway checks them. */
export const adasWallets: Readonly<Record<WalletFamily, WalletExample>> = {
  evm: {
    address: '0xfFaB8c0C76365cab4BC50314662462Ef09f0368e',
    account: 'eip155:0:0xffab8c0c76365cab4bc50314662462ef09f0368e',
    chainName: 'Ethereum',
    chainReference: '1',
    nonce: '8f0c1d6a52e94b7fa3d2c4e6b8091735',
    login: '0xd7b3308f2995d6f8cc2e4487d78d2dbd25f5f4ef3ccb4d73c60c2a23736f7f013829fe3fc51a8f006058332c517486fba1112b7482e434398882bd010c9a29721c',
    link: '0x19849e014b033f1ad6e1b66a497d9a757220c2b81476fefccb4b8880d6bc858e496b7e892558f374d8312c014ed9ee016b5d81d3bbf3788618e11e653935c8451b'
  },
  solana: {
    address: 'd6EMAv9vVTr8akzwtDJnPwap6dkDEpTxsdQ1MxAs1xj',
    account: 'solana:5eykt4UsFv8P8NJdTREpY1vzqKqZKvdp:d6EMAv9vVTr8akzwtDJnPwap6dkDEpTxsdQ1MxAs1xj',
    chainName: 'Solana',
    chainReference: '5eykt4UsFv8P8NJdTREpY1vzqKqZKvdp',
    nonce: '2b7e151628aed2a6abf7158809cf4f3c',
    login: '3npHeCHWKesaCEUUgAnuJ4tAg1T5KcQwhTAk1g1j74fe6WSGrZaAobvM2kH51LKzYzixvRmJqcyQnz9fNDRutvNW',
    link: '466S624EyrB6shNGaCdXQp8vX6v3aCzvUK9tVwJUkemuBv7jS4NFcdCmahrbwY2CoR4v5kJRvzuvawpWJFaPWN3K'
  },
  cosmos: {
    address: 'cosmos13rduxl7halwp5tyh9czg74zlz2afekv5xm47ka',
    account: 'cosmos:cosmoshub-4:cosmos13rduxl7halwp5tyh9czg74zlz2afekv5xm47ka',
    chainName: 'Cosmos',
    chainReference: 'cosmoshub-4',
    nonce: '6bc1bee22e409f96e93d7e117393172a',
    login: 'lNWZiQ8VGtEGkyXaliQrzudKWufY6mSlTPSz0i6Qhd42QSYk4debf9PWu9YBg4ZPhBGtyK1G/OBEANS5DxaoGg==',
    link: 'UTUnXTjaunKqftSsytpWHzsKqwn8B4sFFn8UXlYL7NIvuT7Ea3uyn2K3cGqCDSIqIc6oQvU9w23ZF7DhYkAYrg==',
    publicKey: 'AzfyvskIun90fm6Gmrl5fxTEWGex2Q5aJdzYu0GZYA+d'
  },
  stacks: {
    address: 'SP31J6D1WR58MRG4EGX3D68GXBGMJA730H272P5YC',
    account: 'stacks:1:SP31J6D1WR58MRG4EGX3D68GXBGMJA730H272P5YC',
    chainName: 'Stacks',
    chainReference: '1',
    nonce: 'ae2d8a571e03ac9c9eb76fac45af8e51',
    login: '5f6995e1ba8530f42afd5e80cbb0ff536314bb73e06357ebbda00413fe18d9a37e9825821a4eefb933fb5c857a1ff6cb4906c4ac93177f6bef073a57b7c2210e00',
    link: 'ff58f6300093ea14c9c57225a56e6640b803f42eaca33b2f7627583bee352883765608579b64282de216c89e7742985e2944aca14afc75cf3a52b9816523b3d100',
    publicKey: '0399a71257ed671d68609936af648f0fa078f1b92c34c74cee0a46f6028cbc3c81'
  },
  bitcoin: {
    address: 'bc1qax22a3hxrc63ups0apcvx7e4hvtphwvkugqva2',
    account: 'bip122:000000000019d6689c085ae165831e93:bc1qax22a3hxrc63ups0apcvx7e4hvtphwvkugqva2',
    chainName: 'Bitcoin',
    chainReference: '000000000019d6689c085ae165831e93',
    nonce: '30c81c46a35ce411e5fbc1191a0a52ef',
    login: 'smpAkgwRQIhAPlEtEurWjX4PbAMaIy+nL14Sw08KbbPWjEhQW9PZwh8AiBS8AonENYHk4fnjhKp/PKu43krxdImVzhNGRu2hWrEEAEhAhe6jfwEmbViOW82q2bddMUBpjY4MsbBhaEjuWq+t+X5',
    link: 'smpAkcwRAIgXer13cq4hJVpjw2wTk027ne8KUfI+FJMIBmNjq4fUv8CIEtg40sjcJFDFT9i65uIlt/mHfyvr6t1G+pts2zL5AQ2ASECF7qN/ASZtWI5bzarZt10xQGmNjgyxsGFoSO5ar635fk='
  }
}

/** A wallet of Ada's that confirms, with its signatures of what the examples ask of it; they are right, a test of otp-service checks them. */
export const adasFactorWallet = {
  address: '0x42aa9c7512F84C6593B2d2e60989C904142A0533',
  asked: { account: ada.userId, site: 'auth.example.com' },
  enrolment: {
    of: { userId: ada.userId, sessionId: ada.sessionId, factorId: ada.factorId, family: 'evm', address: '0x42aa9c7512F84C6593B2d2e60989C904142A0533', chainReference: '1' },
    nonce: '5f0c1d6a52e94b7fa3d2c4e6b8091737',
    digest: '0x51c88c2ff4295b32b8ba35d2e8f6748a2f5ed51d950e7e5c7b732aa09f137150',
    signature: '0xda70c24a084ff3f9f6917d6186d435d2e5da05164a449eaa5a690f61fe7193ea5fc769e2099fb81b61cb510a12f987a9c67daaf439bb6021dd5a1809be94e7e31b'
  },
  stepUp: {
    action: { type: 'api_keys.rotate', resource_id: ada.apiKeyId },
    nonce: ada.challengeId,
    digest: '0xcf3cf27e4c06e424d29fde14aed74b2f76578dff6409e70c2636ba98ffc4c9c2',
    signature: '0x4b1300c13fa4ce6f42e237378b9d6ada66a61d6b7cd1a25b1be71511656a0c2d4272700902dee8ba7548158f7958b66716ca67a4740805dfe6126b0f428aed7b1b'
  }
} as const

/** As a gateway at auth.example.com composes it. */
export const walletMessage = (family: WalletFamily, purpose: 'login' | 'link'): string => {
  const { address, chainName, chainReference, nonce } = adasWallets[family]
  const statement = purpose === 'login'
    ? 'Sign in to Countersign. This costs nothing and moves nothing.'
    : `Link this wallet to the Countersign account ${ada.userId}: who holds that account may then sign in with it.`
  return `auth.example.com wants you to sign in with your ${chainName} account:
${address}

${statement}

URI: https://auth.example.com
Version: 1
Chain ID: ${chainReference}
Nonce: ${nonce}
Issued At: ${ada.signedUpAt}
Expiration Time: ${ada.codeEndsAt}`
}

/** The body of `verify` or `link` for one of Ada's wallets. */
export const walletProof = (family: WalletFamily, purpose: 'login' | 'link') => {
  const { address, publicKey, [purpose]: signature } = adasWallets[family]
  return { address, signed_message: walletMessage(family, purpose), signature, ...publicKey !== undefined && { public_key: publicKey }, challenge_id: ada.challengeId }
}

/** As answers show one of Ada's wallets. */
export const walletIdentity = (family: WalletFamily) =>
  ({ id: adasWallets[family].account, kind: family, address: adasWallets[family].address, verified: true, added_at: ada.signedUpAt })

/** As answers show Ada. */
export const adasView = {
  id: ada.userId,
  username: ada.username,
  email: ada.email,
  roles: ['user'],
  profile: { display_name: 'Ada' },
  identities: [{ id: `email:${ada.email}`, kind: 'email', address: ada.email, verified: true, added_at: ada.signedUpAt }, walletIdentity('evm')],
  created_at: ada.signedUpAt
}

/** As sign-in answers Ada. */
export const adasTokens = {
  access_token: ada.accessToken,
  token_type: 'bearer',
  expires_in: 900,
  refresh_token: ada.refreshToken,
  session_expires_at: ada.sessionEndsAt,
  user: adasView
}

/** As a transaction of Ada's says what it waits for. */
export const adasConfirmation = {
  challenge_id: ada.challengeId, sent_to: ada.maskedEmail, expires_at: '2026-03-01T10:05:00.000Z', attempts_left: 3,
  factors: [{ id: ada.factorId, kind: 'email_code', label: ada.maskedEmail, shown: true, sends: true, proved_at: ada.signedUpAt, needs: 'sent_code' }]
}

/** As answers show a transfer out of the treasury that waits for its code. */
export const treasuryTransfer = {
  id: ada.transactionId,
  state: 'awaiting_confirmation',
  initiator: ada.userId,
  wallet_id: ada.walletId,
  chain_id: 1,
  from: ada.treasury,
  kind: 'native',
  to: ada.payee,
  value: '10000000000000000',
  calls: [{ to: ada.payee, value: '10000000000000000' }],
  speed: 'average',
  priority: 0,
  metadata: {},
  max_fee_total: '2100000000000000',
  policy: { id: ada.policyId, version: 3, rule: 'small payments' },
  digest: ada.digest,
  confirmation: adasConfirmation,
  attempts: [],
  history: [{ state: 'received', at: '2026-03-01T10:00:00.000Z' }, { state: 'awaiting_confirmation', at: '2026-03-01T10:00:00.000Z' }],
  created_at: '2026-03-01T10:00:00.000Z',
  updated_at: '2026-03-01T10:00:00.000Z',
  valid_until: '2026-03-01T10:15:00.000Z'
}
