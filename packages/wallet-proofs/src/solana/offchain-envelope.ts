/** What a Ledger signs in place of the bare text: Solana's off-chain message, version 0. */

import { Buffer } from 'node:buffer'

// 0xff begins no transaction, and no UTF-8 text either: an envelope can be neither.
const SIGNING_DOMAIN = Buffer.from('\xffsolana offchain', 'latin1')
const HEADER_VERSION = 0
const APPLICATION_DOMAIN_BYTES = 32
const FORMAT = 0 // restricted ASCII: the one that the device can show
const SIGNER_COUNT = 1
const MAX_MESSAGE_BYTES = 0xffff

// A sign-in, and a confirmation of something else by somebody who is signed in: neither text can be the other's.
const GREETINGS = [' wants you to sign in with your Solana account:', ' wants you to confirm an action with your Solana account:']
const VISIBLE_ASCII = /^[\x21-\x7e]+$/

/**
 * The envelope of a text for one signer (32 bytes). Its application domain is the domain of the text's first
 * line, so that a signature made for another application does not fit. Null where the text can have no envelope: no such
 * line, a domain that is not 1 to 32 visible ASCII characters, more than 65,535 bytes.
 * Source: docs.anza.xyz, proposals/off-chain-message-signing.
 */
export function offchainEnvelope (text: string, signer: Uint8Array): Uint8Array | null {
  const domain = domainOf(text)
  const message = Buffer.from(text, 'utf8')
  if (domain === null || message.length > MAX_MESSAGE_BYTES) return null

  const applicationDomain = Buffer.alloc(APPLICATION_DOMAIN_BYTES)
  applicationDomain.write(domain, 'latin1')
  return Buffer.concat([
    SIGNING_DOMAIN,
    Uint8Array.of(HEADER_VERSION),
    applicationDomain,
    Uint8Array.of(FORMAT, SIGNER_COUNT),
    signer,
    Uint8Array.of(message.length & 0xff, message.length >> 8),
    message
  ])
}

function domainOf (text: string): string | null {
  const end = text.indexOf('\n')
  const line = end < 0 ? text : text.slice(0, end)
  const greeting = GREETINGS.find((one) => line.endsWith(one))
  if (greeting === undefined) return null
  const domain = line.slice(0, -greeting.length)
  return domain.length <= APPLICATION_DOMAIN_BYTES && VISIBLE_ASCII.test(domain) ? domain : null
}
