/**
 * Signing in and what sessions are asked for, over one gateway process with its MongoDB and its Redis. Beside each path, in the same run, the
 * ceiling: bare Fastify routes and the bare cryptography of the path, one after the other, as one process would do them.
 */
import { measureCeilings } from './gateway/ceilings.ts'
import { openHouse } from './gateway/house.ts'
import { measurePasswords } from './gateway/password-path.ts'
import { printPaths } from './gateway/report.ts'
import { measureSessions } from './gateway/session-paths.ts'
import { openSessions, walletsOf } from './gateway/sign-in.ts'
import { measureWallets } from './gateway/wallet-paths.ts'
import { whole } from './table.ts'

const accounts = 1_000

const house = await openHouse()
try {
  const ceilings = await measureCeilings(house)
  const [evm, solana] = [walletsOf('evm', accounts), walletsOf('solana', accounts)]
  const sessions = await openSessions(house, 'evm', evm)
  await openSessions(house, 'solana', solana)
  const paths = [
    ...await measureSessions(house, sessions, ceilings),
    ...await measureWallets(house, 'evm', evm, ceilings),
    ...await measureWallets(house, 'solana', solana, ceilings),
    await measurePasswords(house, sessions, ceilings)
  ]
  printPaths(paths, [
    `Bare: Fastify ${whole(ceilings.get)} reads/s and ${whole(ceilings.post)} posts/s (at 70 % of it p99 ${ceilings.postP99.toFixed(1)} ms), ES256 tokens ${whole(ceilings.tokens)}/s on one core, argon2id ${whole(ceilings.passwords)}/s on all cores.`
  ])
} finally {
  await house.close()
}
