/**
 * What the test vectors of the reference implementation (github.com/spruceid/siwe, `test/*.json`) ask for, restated as
 * changes to two messages, with the reason this package gives where they ask for a refusal.
 */

import type { SiweMessage, SiweRefusal } from '../../src/index.ts'

/** All fields present. */
export const fullMessage: SiweMessage = {
  domain: 'service.org',
  address: '0xe5A12547fe4E872D192E3eCecb76F2Ce1aeA4946',
  statement: 'I accept the ServiceOrg Terms of Service: https://service.org/tos',
  uri: 'https://service.org/login',
  version: '1',
  chainId: 1,
  nonce: '12341234',
  issuedAt: '2022-03-17T12:45:13.610Z',
  expirationTime: '2023-03-17T12:45:13.610Z',
  notBefore: '2022-03-17T12:45:13.610Z',
  requestId: 'some_id',
  resources: ['https://service.org/login']
}

/** Only what is required. */
export const bareMessage: SiweMessage = {
  domain: 'service.org',
  address: '0xC02aaA39b223FE8D0A0e5C4F27eAD9083C756Cc2',
  uri: 'https://service.org/login',
  version: '1',
  chainId: 1,
  nonce: '32891757',
  issuedAt: '2021-09-30T16:25:24.000Z'
}

const terms = 'I accept the ServiceOrg Terms of Service: https://service.org/tos'

export const parses: ReadonlyArray<readonly [title: string, message: SiweMessage]> = [
  ['resources', { ...bareMessage, statement: terms, resources: ['ipfs://Qme7ss3ARVgxv6rXqVPiikMJ8u2NLgmgszg13pYrDKEoiu', 'https://example.com/my-web2-claim.json'] }],
  ['a statement and no optional field', { ...bareMessage, statement: terms }],
  ['a time without a fraction', { ...bareMessage, statement: terms, issuedAt: '2021-09-30T16:25:24Z' }],
  ['a time with an offset', { ...bareMessage, statement: terms, issuedAt: '2021-09-30T16:25:24-02:00' }],
  ['an IPv4 domain', { ...bareMessage, statement: terms, domain: '127.0.0.1' }],
  ['a domain with userinfo', { ...bareMessage, statement: terms, domain: 'test@127.0.0.1' }],
  ['a domain with a port', { ...bareMessage, statement: terms, domain: '127.0.0.1:8080' }],
  ['localhost with a port', { ...bareMessage, statement: terms, domain: 'localhost:8080' }],
  ['a domain with userinfo and a port', { ...bareMessage, statement: terms, domain: 'test@127.0.0.1:8080' }],
  ['no statement', bareMessage],
  ['an IPv6 domain', { ...bareMessage, domain: '[::cafe]' }],
  ['an IPv6 URI', { ...bareMessage, uri: 'https://[::cafe]' }],
  ['an IPv4 URI', { ...bareMessage, uri: 'https://127.0.0.1' }],
  ['a URI with a port', { ...bareMessage, uri: 'https://127.0.0.1:4361' }],
  ['a URI with query and fragment', { ...bareMessage, uri: 'https://127.0.0.1/?query=one#begin' }],
  ['another chain', { ...bareMessage, chainId: 4 }],
  ['a wallet\'s own message', {
    ...bareMessage,
    domain: 'www.tally.xyz',
    address: '0xc95EB884FE852e241D409234bfC7045CB9E31BD7',
    statement: 'Sign in with Ethereum to Tally',
    uri: 'https://tally.xyz',
    nonce: '15050747',
    issuedAt: '2022-06-30T14:08:51.382Z'
  }],
  ['a scheme', { ...bareMessage, scheme: 'https', domain: 'example.com', statement: terms }],
  ['no scheme, though URLs follow', { ...bareMessage, domain: 'localhost:3030', statement: 'See http://localhost:3030/tos', uri: 'http://localhost:3030/login' }],
  ['all fields', fullMessage]
]

type Edit = (lines: string[]) => string[]

const isField = (name: string) => (line: string): boolean => line.startsWith(`${name}:`)

const set = (name: string, value: string): Edit => (lines) => lines.map((line) => isField(name)(line) ? `${name}: ${value}` : line)

const blank = (name: string): Edit => (lines) => lines.map((line) => isField(name)(line) ? '' : line)

/** Takes a line out and puts it back in front of another one. */
const move = (name: string, before: string): Edit => (lines) => {
  const moved = lines.filter(isField(name))
  return lines.flatMap((line) => isField(name)(line) ? [] : isField(before)(line) ? [...moved, line] : [line])
}

const first = (text: string): Edit => (lines) => [`${text} wants you to sign in with your Ethereum account:`, ...lines.slice(1)]
const second = (text: string): Edit => ([head = '', , ...rest]) => [head, text, ...rest]
const last = (...tail: string[]): Edit => (lines) => [...lines.slice(0, -1), ...tail]
const httpDate = 'Wed Oct 05 2011 16:48:00 GMT+0200 (CEST)'

/** Each is applied to the lines of the full message. */
export const refusals: ReadonlyArray<readonly [title: string, edit: Edit, reason: SiweRefusal]> = [
  ['no domain', first(''), 'domain is not valid'],
  ['no address', second(''), 'address is not valid'],
  ['no URI', blank('URI'), 'URI is missing or out of place'],
  ['no version', blank('Version'), 'Version is missing or out of place'],
  ['no chain id', blank('Chain ID'), 'Chain ID is missing or out of place'],
  ['no nonce', blank('Nonce'), 'Nonce is missing or out of place'],
  ['no time of issue', blank('Issued At'), 'Issued At is missing or out of place'],
  ['the URI after the version', move('URI', 'Chain ID'), 'URI is missing or out of place'],
  ['the version after the chain id', move('Version', 'Nonce'), 'Version is missing or out of place'],
  ['the chain id on the nonce\'s line', (lines) => set('Nonce', '12341234Chain ID: 1')(blank('Chain ID')(lines)), 'Chain ID is missing or out of place'],
  ['the nonce after the time of issue', move('Nonce', 'Expiration Time'), 'Nonce is missing or out of place'],
  ['the time of issue after the expiry', move('Issued At', 'Not Before'), 'Issued At is missing or out of place'],
  ['the expiry after the not-before', move('Expiration Time', 'Request ID'), 'message goes on after its last field'],
  ['the not-before after the request id', move('Not Before', 'Resources'), 'message goes on after its last field'],
  ['the request id after the resources', (lines) => [...lines.filter((line) => !isField('Request ID')(line)), 'Request ID: some_id'], 'a resource is not valid'],
  ['the resources before the not-before', (lines) => [...lines.slice(0, -4), ...lines.slice(-2), ...lines.slice(-4, -2)], 'a resource is not valid'],
  ['a domain that is a fragment', first('#notrfc4501'), 'domain is not valid'],
  ['an address without its checksum', second('0xe5a12547fe4e872d192e3ececb76f2ce1aea4946'), 'address checksum is wrong'],
  ['a line break in the statement', (lines) => lines.flatMap((line) => line.startsWith('I accept') ? line.split(/(?=https)/) : [line]), 'blank lines are missing'],
  ['a URI without a scheme', set('URI', ':not_a_rfc3986_valid_uri_'), 'URI is not valid'],
  ['version 3', set('Version', '3'), 'Version is not valid'],
  ['a chain id that is no number', set('Chain ID', '?'), 'Chain ID is not valid'],
  ['a nonce of seven characters', set('Nonce', '1234567'), 'Nonce is not valid'],
  ['another format of the time of issue', set('Issued At', httpDate), 'Issued At is not valid'],
  ['another format of the expiry', set('Expiration Time', httpDate), 'Expiration Time is not valid'],
  ['another format of the not-before', set('Not Before', httpDate), 'Not Before is not valid'],
  ['two resources on one line', last('- https://service.org/login - https://service.org/login/2'), 'a resource is not valid'],
  ['a first resource that is no URI', last('- :not_a_rfc3986_valid_uri_', '- https://service.org/login'), 'a resource is not valid'],
  ['a second resource that is no URI', last('- https://service.org/login', '- :not_a_rfc3986_valid_uri_'), 'a resource is not valid']
]

const login: SiweMessage = {
  domain: 'login.xyz',
  address: '0x9D85ca56217D2bb651b00f15e694EB7E713637D4',
  statement: 'Sign-In With Ethereum Example Statement',
  uri: 'https://login.xyz',
  version: '1',
  chainId: 1,
  nonce: 'bTyXgcQxn2htgkjJn',
  issuedAt: '2022-01-27T17:09:38.578Z',
  expirationTime: '2100-01-07T14:31:43.952Z'
}

const strangers: SiweMessage = { ...login, address: '0x6Da01670d8fc844e736095918bbE11fE8D564163', nonce: 'rmplqh1gf', issuedAt: '2022-01-05T14:31:43.954Z' }

/** Signatures by real wallets over messages in this layout. Times and domains are a matter of the caller's policy. */
export const signed: ReadonlyArray<readonly [title: string, message: SiweMessage, signature: string]> = [
  ['an expiry far ahead', login,
    '0xdc35c7f8ba2720df052e0092556456127f00f7707eaa8e3bbff7e56774e7f2e05a093cfc9e02964c33d86e8e066e221b7d153d27e5a2e97ccd5ca7d3f2ce06cb1b'],
  ['a not-before', { ...login, address: '0xE6D3Aa1F561A215E5eb1f02Ba8705385F03fCaFB', nonce: 'lx2nx4so', issuedAt: '2022-01-05T14:27:30.883Z', expirationTime: undefined, notBefore: '2100-01-07T14:31:43.952Z' },
    '0xc2539ace78f13c7eb8c0852d38d269a6f97bebd9f7872097d2e3137b541f8bf50176062a46eeea83086bd2721423fb5755a932ff6ccc046ed482d14e4576042f1c'],
  ['an expiry behind', { ...login, address: '0x2ecA0068307e706741445764A3D6A4402aC2A5a9', nonce: 'lx2nx4so', issuedAt: '2022-01-05T14:27:30.883Z', expirationTime: '2021-01-05T00:00:00Z' },
    '0x7337bc2826c7678cd6bc84f5b3b236efc969b0451f9feca2328b1d3401b030c113f19bdba359ba3f52762c66e9147311fa95fe598a1a4ec9bb383a7b4e3874241b'],
  ['a recovery id of 1', { ...login, domain: 'www.tally.xyz', address: '0xc95EB884FE852e241D409234bfC7045CB9E31BD7', statement: 'Sign in with Ethereum to Tally', uri: 'https://tally.xyz', nonce: '15050747', issuedAt: '2022-06-30T14:08:51.382Z', expirationTime: undefined },
    '0x8c46b6eb8505939892d8e9b075f89f8277321b17b993151f37810cdda38cce6f4a85909d2b53e6a14629c74c0ac38bf4becde78ee5b2529812bf6cceaf7b2a2501']
]

export const notSigned: ReadonlyArray<readonly [title: string, message: SiweMessage, signature: string]> = [
  ['a digit missing', strangers,
    '0xf2e8420fc1b722bf4941f5a0464f98172a758ceda5039f622e425fb69fd19b20e444bba7c9a8a8d7e2b5e453553efe7c9460be5d211abe473fc146d51bb04d0cb1b'],
  ['another text signed', strangers,
    '0x31df81dc02344c9156e6f71da46e2db624b38f8f806290d670d46492b834b2e7575cbce9f48169356cfb577b910d8e30732fcf23c1ac0021d08b945ed7ee118e1b']
]
