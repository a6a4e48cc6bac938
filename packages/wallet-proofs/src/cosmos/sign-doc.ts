/** ADR-36: what `signArbitrary` of a Cosmos wallet signs. */

import { Buffer } from 'node:buffer'

/**
 * The amino sign document in UTF-8: keys sorted, no white space. Amino escapes &, < and > as \u0026, \u003c and \u003e;
 * neither base64 nor bech32 has any of them, so there is nothing here to escape.
 * The chain id is empty, as every wallet has it: whatever binds the proof to a chain or site must stand in the message.
 * @param message its bytes
 * @param signer the address in lower case
 */
export function arbitrarySignDoc (message: Uint8Array, signer: string): Uint8Array {
  const data = Buffer.from(message).toString('base64')
  return Buffer.from('{"account_number":"0","chain_id":"","fee":{"amount":[],"gas":"0"},"memo":"",' +
    `"msgs":[{"type":"sign/MsgSignData","value":{"data":"${data}","signer":"${signer}"}}],"sequence":"0"}`)
}
