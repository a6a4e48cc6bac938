/** `stats sessions|wallets|failures`: what an operator asks a running gateway's database. */
import { UsageFault, type CliCommand } from '@countersign/runtime'
import { createStats, type Count, type Stats } from './stats.ts'
import type { WithMongo } from './with-mongo.ts'

export const statsCommands = (withMongo: WithMongo): CliCommand[] => [
  counting('stats sessions', 'Open sessions by what opened them, and by network', 'sessions', (stats) => stats.openSessions(), ['networks', (stats) => stats.openSessionsByNetwork()], withMongo),
  counting('stats wallets', 'Linked logins by kind, and connected wallets by type', 'logins', (stats) => stats.logins(), ['connected', (stats) => stats.connectedWallets()], withMongo),
  {
    name: 'stats failures',
    description: 'Failed sign-ins by reason, and their share of all; exit 1 above the limit',
    options: [['--since <duration>', 'Such as 15m, 1h or 7d', '1h'], ['--limit <percent>', 'Exit 1 when more of the sign-ins failed', '100']],
    run: ({ options, print, line, table }) => withMongo(async (mongo, config) => {
      const seconds = secondsIn(String(options['since']))
      const limit = Number(options['limit'])
      if (!(limit >= 0 && limit <= 100)) throw new UsageFault('--limit is a percentage, 0 to 100')
      const failures = await createStats(mongo, config.sessions).failures(seconds)
      print({ since_seconds: seconds, ...failures }, () => {
        line(`${failures.failed} of ${failures.failed + failures.succeeded} sign-ins failed (${(failures.ratio * 100).toFixed(1)} %) in the last ${String(options['since'])}`)
        if (failures.reasons.length > 0) table(failures.reasons.map(({ name, count }) => ({ reason: name, count })))
      })
      return failures.ratio * 100 > limit ? 1 : 0
    })
  }
]

type Ask = (stats: Stats) => Promise<readonly Count[]>

const counting = (name: string, description: string, noun: string, ask: Ask, [second, askSecond]: readonly [string, Ask], withMongo: WithMongo): CliCommand => ({
  name,
  description,
  run: ({ print, line, table }) => withMongo(async (mongo, config) => {
    const stats = createStats(mongo, config.sessions)
    const [counts, others] = await Promise.all([ask(stats), askSecond(stats)])
    const total = counts.reduce((sum, { count }) => sum + count, 0)
    print({ total, counts, [second]: others }, () => {
      line(`${total} ${noun}`)
      if (total > 0) table(counts.map((row) => ({ kind: row.name, count: row.count })))
      if (others.length > 0) table(others.map((row) => ({ [second]: row.name, count: row.count })))
    })
    return 0
  })
})

const unitSeconds: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3_600, d: 86_400 }

export function secondsIn (text: string): number {
  const [, number, unit = ''] = /^([1-9][0-9]{0,5})([smhd])$/.exec(text) ?? []
  if (number === undefined) throw new UsageFault('--since is a number and a unit: 30s, 15m, 1h or 7d')
  return Number(number) * (unitSeconds[unit] ?? 1)
}
