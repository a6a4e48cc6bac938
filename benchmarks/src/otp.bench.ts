/**
 * One-time codes: gateway to otp-service over Redis, mails to a mail server, and what guessing is good for. Beside each path, in the same run,
 * the ceiling: bare Fastify routes and the bare signature of a receipt, one after the other, as one process would do them.
 */
import { closedLoop } from './load/measure.ts'
import { ask } from './gateway/house.ts'
import { inFlight, isQuick } from './gateway/report.ts'
import { measureCodes } from './otp/code-paths.ts'
import { chances, measureGuessing } from './otp/guessing.ts'
import { openOtpHouse } from './otp/house.ts'
import { readMails } from './otp/mail-reader.ts'
import { measureMails } from './otp/mail-rate.ts'
import { enrolPeople } from './otp/people.ts'
import { printCodes } from './otp/report.ts'
import { whole } from './table.ts'

const accounts = isQuick ? 200 : 1_000
const ceilingMs = 1_000

const house = await openOtpHouse()
try {
  const mails = readMails(house)
  const bare = async (method: 'GET' | 'POST', path: string): Promise<number> =>
    (await closedLoop(() => ask(house.bare, { method, path, ...method === 'POST' && { body: { address: '' } } }), { inFlight, ms: ceilingMs })).perSecond
  const ceilings = { get: await bare('GET', '/user'), post: await bare('POST', '/tokens') }
  const [guessed, ...people] = await enrolPeople(house, mails, accounts + 1)
  if (guessed === undefined) throw new Error('nobody was enrolled')
  const paths = await measureCodes(house, mails, people, ceilings)
  const guessing = await measureGuessing(house, mails, guessed)
  await mails.close()
  printCodes(paths, await measureMails(house), [`Bare: Fastify ${whole(ceilings.get)} reads/s and ${whole(ceilings.post)} posts/s.`, ...chances(guessing)])
} finally {
  await house.close()
}
