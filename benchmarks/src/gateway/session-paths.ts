/** What sessions are asked for after the sign-in: 1,000 of them in turn. */
import { readMe, introspectToken, refreshSession, type TokenReply } from '@countersign/contracts'
import { until } from '@countersign/testing'
import type { Ceilings } from './ceilings.ts'
import { ask, type House } from './house.ts'
import { measurePath, together, type PathMeasured } from './report.ts'

export async function measureSessions (house: House, sessions: readonly TokenReply[], { get, post, tokens }: Ceilings): Promise<PathMeasured[]> {
  const { http } = house
  let turn = 0
  const next = (): TokenReply => sessions[turn++ % sessions.length] as TokenReply
  const bearer = ({ access_token: token }: TokenReply) => ({ authorization: `Bearer ${token}` })
  const asker = await operatorOf(house, sessions[0] as TokenReply)

  const check = await measurePath(house, {
    name: 'session check', floor: 3_000, aim: 5_000, ceiling: get,
    operation: () => ask(http, { method: 'GET', path: readMe.path, headers: bearer(next()) })
  })
  const introspection = await measurePath(house, {
    name: 'introspection', floor: 2_500, ceiling: post,
    operation: async () => {
      const reply = await ask(http, { method: 'POST', path: introspectToken.path, headers: bearer(asker), body: { token: next().access_token } })
      if ((reply as { active: boolean }).active) return
      throw new Error('an open session was told inactive')
    }
  })

  const waiting = sessions.map(({ refresh_token: token }) => token)
  const refresh = await measurePath(house, {
    name: 'refresh', floor: 950, aim: 1_800, ceiling: together(post, tokens),
    // Each token once: a session goes to the end of the line until its turn comes again.
    operation: async () => {
      const reply = await ask(http, { method: 'POST', path: refreshSession.path, body: { refresh_token: waiting.shift() } })
      waiting.push((reply as TokenReply).refresh_token)
    }
  })
  return [check, introspection, refresh]
}

/** Whoever asks about others' tokens needs the role for it. */
async function operatorOf ({ http, mongo }: House, session: TokenReply): Promise<TokenReply> {
  await mongo.collection<{ _id: string }>('users').updateOne({ _id: session.user.id }, { $set: { roles: ['user', 'operator'] }, $inc: { version: 1 } })
  const call = { method: 'POST', path: introspectToken.path, headers: { authorization: `Bearer ${session.access_token}` }, body: { token: 'x' } } as const
  await until(async () => (await http.call(call)).status === 200, { what: 'the role to be seen' })
  return session
}
