/** Signing in with an e-mail address and its password. */
import { logInWithEmail, type TokenReply } from '@countersign/contracts'
import argon2 from '@node-rs/argon2'
import { passwordCost, type Ceilings } from './ceilings.ts'
import { ask, type House } from './house.ts'
import { measurePath, type PathMeasured } from './report.ts'

const accounts = 50
/** Fewer than may wait for a hash: none is shed. */
const inFlight = 32
const password = 'a horse, a battery and a staple'
const part = 0.8

/** @param sessions of accounts that are given an address and a password, past the services that would mail it */
export async function measurePasswords (house: House, sessions: readonly TokenReply[], { passwords: ceiling }: Ceilings): Promise<PathMeasured> {
  const addresses = await Promise.all(sessions.slice(0, accounts).map(async ({ user }, i) => await giveAddress(house, user.id, `bench${i}@example.com`)))
  const logIn = (email: string) => ask(house.http, { method: 'POST', path: logInWithEmail.path, body: { email, password } })
  // At its first sign-in a hash without the gateway's pepper is replaced by one with it.
  for (const email of addresses) await logIn(email)

  let turn = 0
  return await measurePath(house, {
    name: `password sign-in (${inFlight} in flight)`, floor: part * ceiling, ceiling, inFlight,
    operation: () => logIn(addresses[turn++ % addresses.length] as string)
  })
}

async function giveAddress ({ mongo }: House, userId: string, address: string): Promise<string> {
  const id = `email:${address}`
  const now = new Date()
  await mongo.collection<{ _id: string }>('identities').insertOne({ _id: id, userId, kind: 'email', address, verified: true, addedAt: now, provedAt: now } as { _id: string })
  await mongo.collection<{ _id: string }>('passwords').insertOne({ _id: id, userId, hash: await argon2.hash(password, passwordCost), changedAt: now } as { _id: string })
  return address
}
