import { inFlight, isQuick, openMs, roundMs, rounds, type PathMeasured } from '../gateway/report.ts'
import { table, whole } from '../table.ts'
import type { MailRate } from './mail-rate.ts'

const cpu = (...ms: readonly (number | undefined)[]): string => ms.reduce<number>((sum, one) => sum + (one ?? NaN), 0).toFixed(2)

const rowOf = ({ name, floor, full: { perSecond, p50, p99, cpuMs }, part, ceiling }: PathMeasured) => ({
  path: name,
  '/s': whole(perSecond),
  floor: floor === undefined ? '–' : whole(floor),
  'p50 ms': p50.toFixed(1),
  'p99 ms': p99.toFixed(1),
  'p99 ms at 70 %': part.p99.toFixed(1),
  'gateway CPU ms': cpu(cpuMs['auth-gateway']),
  'otp-service CPU ms': cpu(cpuMs['otp-service']),
  'MongoDB CPU ms': cpu(cpuMs['mongod']),
  'Redis CPU ms': cpu(cpuMs['redis']),
  'load CPU ms': cpu(cpuMs['load']),
  'ceiling /s': whole(ceiling),
  'of it': `${(perSecond / ceiling * 100).toFixed(0)} %`
})

export function printCodes (paths: readonly PathMeasured[], mails: MailRate, notes: readonly string[]): void {
  const mailRow = {
    path: 'mails handed to a mail server', '/s': whole(mails.perSecond), floor: 250, 'email-worker CPU ms': cpu(mails.cpuMs.worker),
    'MongoDB + Redis CPU ms': cpu(mails.cpuMs.stores), 'load CPU ms': cpu(mails.cpuMs.load)
  }
  process.stdout.write([
    `One-time codes${isQuick ? ', quick: no figures' : ''}`,
    `${inFlight} in flight, medians of ${rounds} rounds of ${roundMs / 1_000} s; CPU time per operation; p99 at 70 %: callers who come by chance at 70 % of that rate, for ${openMs / 1_000} s. The load generator reads the mails, too.`,
    '', table(paths.map(rowOf)), '', `${whole(mails.mails)} mails that wait in the queue, one email-worker with its usual settings; the load generator is the mail server`, '', table([mailRow]), '', ...notes, ''
  ].join('\n') + '\n')
}
