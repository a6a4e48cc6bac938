import type { SiweMessage } from '../../src/index.ts'

const line = (label: string, value: string | undefined): string[] => value === undefined ? [] : [`${label}: ${value}`]

/** The grammar of EIP-4361 read the other way round: the one text that a parsed message can have come from. */
export const renderSiweMessage = (message: SiweMessage): string => [
  `${message.scheme === undefined ? '' : `${message.scheme}://`}${message.domain} wants you to sign in with your Ethereum account:`,
  message.address,
  '',
  ...(message.statement === undefined ? [] : [message.statement]),
  '',
  `URI: ${message.uri}`,
  `Version: ${message.version}`,
  `Chain ID: ${message.chainId}`,
  `Nonce: ${message.nonce}`,
  `Issued At: ${message.issuedAt}`,
  ...line('Expiration Time', message.expirationTime),
  ...line('Not Before', message.notBefore),
  ...line('Request ID', message.requestId),
  ...(message.resources === undefined ? [] : ['Resources:', ...message.resources.map((resource) => `- ${resource}`)])
].join('\n')
