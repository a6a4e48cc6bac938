import { beginDeletion, deleteMe, exportMe } from '@countersign/contracts'
import { addRoute } from '@countersign/http'
import type { FastifyInstance } from 'fastify'
import type { DeleteAccount } from '../account/delete-account.ts'
import type { ExportAccount } from '../account/export-account.ts'
import type { AskForWipeCode } from '../account/prove-wipe.ts'
import type { SessionCookies } from '../sessions/session-cookies.ts'
import type { OpenSession } from '../sessions/session-state.ts'
import { askerOf } from './asker-of.ts'

export interface AccountRoutesDeps {
  readonly exportAccount: ExportAccount
  readonly askForWipeCode: AskForWipeCode
  readonly deleteAccount: DeleteAccount
  readonly cookies: Pick<SessionCookies, 'forget'>
}

export function accountRoutes (app: FastifyInstance, { exportAccount, askForWipeCode, deleteAccount, cookies }: AccountRoutesDeps): void {
  addRoute<typeof exportMe, OpenSession>(app, exportMe, async ({ session, request, reply }) => {
    reply.headers({ 'content-disposition': `attachment; filename="countersign-${session.userId}.json"`, 'cache-control': 'no-store' })
    return await exportAccount(askerOf(session, request))
  })

  addRoute<typeof beginDeletion, OpenSession>(app, beginDeletion, async ({ session, request }) => await askForWipeCode(askerOf(session, request)))

  addRoute<typeof deleteMe, OpenSession>(app, deleteMe, async ({ body: { confirm, challenge_id: challengeId, code }, session, request, reply }) => {
    const proof = challengeId === undefined || code === undefined ? {} : { proof: { challengeId, code } }
    await deleteAccount({ username: session.user.username, confirm, ...proof }, askerOf(session, request))
    cookies.forget(request, reply)
    return { state: 'deleting' as const }
  })
}
