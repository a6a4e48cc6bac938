/** A signature that is not taken; the message says which rule it breaks, without its bytes. */
export class SignatureRefused extends Error {
  override readonly name = 'SignatureRefused'
}
