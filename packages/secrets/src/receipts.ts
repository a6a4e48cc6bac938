/** Receipts: what otp-service attests, signed so that the signer need not believe the gateway that carries it. */
import { createPrivateKey, createPublicKey, sign as signBytes, verify as verifyBytes, type KeyObject } from 'node:crypto'
import { MailboxReceiptClaims, mailboxReceiptType, ReceiptClaims, receiptType } from '@countersign/contracts'
import { Compile } from 'typebox/compile'
import { decodeBase64url } from './base64url.ts'
import { publicHalf, thumbprint, type Jwk, type Jwks } from './keys.ts'

const algorithm = 'EdDSA'
/** A receipt has about 900 characters; nothing longer is worth parsing. */
const longestReceipt = 4096

/** The receipt is not one of ours, or was changed. The reason is for logs, not for strangers. */
export class ReceiptRefused extends Error {
  readonly reason: 'form' | 'header' | 'signature' | 'claims'

  constructor (reason: ReceiptRefused['reason']) {
    super(`the receipt was refused: ${reason}`)
    this.name = 'ReceiptRefused'
    this.reason = reason
  }
}

export interface ReceiptSigner {
  readonly kid: string
  readonly publicJwk: Jwk
  /** @throws Error when the claims break their contract. */
  sign (claims: ReceiptClaims): Promise<string>
  /** Of a mailbox, under a `typ` of its own. @throws Error when the claims break their contract. */
  signMailbox (claims: MailboxReceiptClaims): Promise<string>
}

export interface ReceiptVerifier {
  /** @throws ReceiptRefused */
  verify (jws: string): Promise<ReceiptClaims>
  /** Takes receipts of mailboxes alone, as `verify` takes none of them. @throws ReceiptRefused */
  verifyMailbox (jws: string): Promise<MailboxReceiptClaims>
}

/** @param privateJwk Ed25519, with `d`. The `kid` is its thumbprint, whatever the JWK says. */
export function createReceiptSigner (privateJwk: Jwk): ReceiptSigner {
  assertEd25519(privateJwk)
  if (privateJwk.d === undefined) throw new Error('a receipt signer needs a private key')
  const key = createPrivateKey({ key: { ...privateJwk }, format: 'jwk' })
  const kid = thumbprint(privateJwk)
  // RFC 8037 §3.1 in one call on this thread, which takes a fifth of the CPU time that a library over WebCrypto needs.
  const signerOf = (check: (value: unknown) => boolean, typ: string) => {
    const header = headerSegment(kid, typ)
    return async (claims: unknown): Promise<string> => {
      if (!check(claims)) throw new Error('the claims of a receipt break their contract')
      const input = `${header}.${Buffer.from(JSON.stringify(claims)).toString('base64url')}`
      return `${input}.${signBytes(null, Buffer.from(input), key).toString('base64url')}`
    }
  }
  return {
    kid,
    publicJwk: { ...publicHalf(privateJwk), kid },
    sign: signerOf((value) => ofFactor.Check(value), receiptType),
    signMailbox: signerOf((value) => ofMailbox.Check(value), mailboxReceiptType)
  }
}

const [ofFactor, ofMailbox] = [Compile(ReceiptClaims), Compile(MailboxReceiptClaims)]

/**
 * @param publicJwks the pinned keys, several while one is being replaced.
 * @throws Error when a key is not Ed25519 or is private: a verifier must not be able to sign.
 */
export function createReceiptVerifier ({ keys }: Jwks): ReceiptVerifier {
  if (keys.length === 0) throw new Error('a receipt verifier needs a key')
  return {
    verify: verifierOf(keys, (value) => ofFactor.Check(value), receiptType),
    verifyMailbox: verifierOf(keys, (value) => ofMailbox.Check(value), mailboxReceiptType)
  }
}

function verifierOf <Claims> (keys: Jwks['keys'], isClaims: (value: unknown) => value is Claims, typ: string): (jws: string) => Promise<Claims> {
  const pinned = new Map(keys.map((jwk) => [headerSegment(thumbprint(jwk), typ), publicKey(jwk)]))
  return async (jws) => {
    const { header, payload, signature, input } = segmentsOf(jws)
    // Our signer writes one header per key and kind, so the header is compared as text: no other algorithm, no embedded key, no crit,
    // no b64, no duplicate member is ever parsed (RFC 8725 §3.1; fast-jwt CVE-2026-34950 began with a lenient header).
    const key = pinned.get(header)
    if (key === undefined) throw new ReceiptRefused('header')
    if (!verifyBytes(null, input, key, signature)) throw new ReceiptRefused('signature')
    const claims = claimsIn(payload)
    if (!isClaims(claims)) throw new ReceiptRefused('claims')
    return claims
  }
}

const headerSegment = (kid: string, typ: string): string => Buffer.from(JSON.stringify({ alg: algorithm, kid, typ })).toString('base64url')

/** Exactly three segments, each in its one canonical spelling: the unused bits of a last character would be a second one. */
function segmentsOf (jws: string): { readonly header: string, readonly payload: Buffer, readonly signature: Buffer, readonly input: Buffer } {
  if (typeof jws !== 'string' || jws.length > longestReceipt) throw new ReceiptRefused('form')
  const segments = jws.split('.')
  const [header, payload, signature] = segments.map(decodeBase64url)
  if (segments.length !== 3 || header === undefined || payload === undefined || signature === undefined) throw new ReceiptRefused('form')
  return { header: segments[0] ?? '', payload, signature, input: Buffer.from(jws.slice(0, jws.lastIndexOf('.'))) }
}

function claimsIn (payload: Buffer): unknown {
  try {
    return JSON.parse(payload.toString('utf8')) as unknown
  } catch {
    throw new ReceiptRefused('claims')
  }
}

function publicKey (jwk: Jwk): KeyObject {
  assertEd25519(jwk)
  if (jwk.d !== undefined) throw new Error('a receipt verifier must not hold a private key')
  return createPublicKey({ key: { ...jwk }, format: 'jwk' })
}

function assertEd25519 ({ kty, crv }: Jwk): void {
  if (kty !== 'OKP' || crv !== 'Ed25519') throw new Error('a receipt key must be an Ed25519 JWK')
}
