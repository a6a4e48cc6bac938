#!/usr/bin/env node
/**
 * A program that asks Countersign for a transaction and signs the request itself. It needs Node alone: copy it.
 *
 *   openssl genpkey -algorithm ed25519 -out program.pem && openssl pkey -in program.pem -pubout -out program.pub.pem
 *   countersign principals grant --kind service --user usr_… --key program.pub.pem --wallet wal_… --may initiate
 *   COUNTERSIGN_URL=… COUNTERSIGN_API_KEY=… COUNTERSIGN_PRINCIPAL=usr_… COUNTERSIGN_DEPLOYMENT=… COUNTERSIGN_KEY=program.pem \
 *     node service-principal.mjs invoice-4711 '{"wallet_id":"wal_…","chain_id":1,"to":"0x…","value":"1000"}'
 *
 * The first argument is the Idempotency-Key: run again with the same one, it pays nothing twice.
 */
import { createHash, createPrivateKey, randomBytes, sign } from 'node:crypto'
import { readFileSync } from 'node:fs'

const { COUNTERSIGN_URL: url, COUNTERSIGN_API_KEY: apiKey, COUNTERSIGN_PRINCIPAL: principal, COUNTERSIGN_DEPLOYMENT: deployment, COUNTERSIGN_KEY: keyFile } = process.env
const [idempotencyKey, json] = process.argv.slice(2)
const body = JSON.parse(json)
const key = createPrivateKey(readFileSync(keyFile))

/** RFC 8785, for bodies of texts, whole numbers, truth values, lists and objects. */
const canonical = (value) => JSON.stringify(value, (_name, item) =>
  typeof item === 'object' && item !== null && !Array.isArray(item) ? Object.fromEntries(Object.entries(item).sort(([a], [b]) => a < b ? -1 : 1)) : item)

const base64url = (value) => Buffer.from(JSON.stringify(value)).toString('base64url')
const now = Math.floor(Date.now() / 1_000)
const edwards = key.asymmetricKeyType === 'ed25519'
const input = `${base64url({ alg: edwards ? 'EdDSA' : 'ES256', typ: 'countersign-intent+jwt' })}.${base64url({
  iss: principal,
  aud: deployment,
  jti: randomBytes(16).toString('base64url'),
  iat: now,
  exp: now + 120,
  idempotency_key: idempotencyKey,
  request_sha256: createHash('sha256').update(canonical(body)).digest('hex')
})}`
const signature = sign(edwards ? null : 'sha256', Buffer.from(input), { key, dsaEncoding: 'ieee-p1363' }).toString('base64url')

const response = await fetch(new URL('/api/v1/transactions', url), {
  method: 'POST',
  headers: { authorization: `Bearer ${apiKey}`, 'content-type': 'application/json', 'idempotency-key': idempotencyKey, 'transaction-intent': `${input}.${signature}` },
  body: JSON.stringify(body)
})
console.log(await response.text())
process.exitCode = response.ok ? 0 : 1
