/** What the parts of a path can do alone, on the machine of this run. */
import { createSign, generateKeyPairSync } from 'node:crypto'
import { availableParallelism } from 'node:os'
import argon2 from '@node-rs/argon2'
import { closedLoop, openLoop, rateOf } from '../load/measure.ts'
import { ask, type House } from './house.ts'
import { inFlight, openMs, openPart } from './report.ts'

const ms = 1_000

export interface Ceilings {
  /** Bare Fastify, per second: a read, and a post whose answer is as long as that to a sign-in. */
  readonly get: number
  readonly post: number
  /** Milliseconds: the 99th percentile of the bare post at the part of its rate that all paths are measured at. What the machine itself makes people wait. */
  readonly postP99: number
  /** ES256 signatures per second on one core, over as much as an access token has. */
  readonly tokens: number
  /** argon2id with the gateway's parameters, per second, on all cores. */
  readonly passwords: number
}

/** What a password of an account costs; see the gateway's stored-hash.ts. */
export const passwordCost = { memoryCost: 19_456, timeCost: 2, parallelism: 1, outputLen: 32 }

export async function measureCeilings ({ bare }: Pick<House, 'bare'>): Promise<Ceilings> {
  const hash = await argon2.hash('correct horse', passwordCost)
  const post = () => ask(bare, { method: 'POST', path: '/tokens', body: { address: '' } })
  const postsPerSecond = (await closedLoop(post, { inFlight, ms })).perSecond
  return {
    get: (await closedLoop(() => ask(bare, { method: 'GET', path: '/user' }), { inFlight, ms })).perSecond,
    post: postsPerSecond,
    postP99: (await openLoop(post, { perSecond: openPart * postsPerSecond, ms: openMs })).p99,
    tokens: await rateOf(signsToken(), ms),
    passwords: (await closedLoop(() => argon2.verify(hash, 'wrong horse'), { inFlight: availableParallelism(), ms: 2 * ms })).perSecond
  }
}

function signsToken (): () => unknown {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const text = 'x'.repeat(400)
  return () => createSign('sha256').update(text).sign({ key: privateKey, dsaEncoding: 'ieee-p1363' }).toString('base64url')
}
