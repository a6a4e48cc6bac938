/** Wallets of the KMS, read and switched off through signer-service. */
import { disableWallet, getWallet, holdsRole, listWallets, postWalletDisable, readWallet, readWalletAudit, readWalletEvents, readWallets } from '@countersign/contracts'
import { addRoute } from '@countersign/http'
import type { CommandClient } from '@countersign/redis'
import type { FastifyInstance } from 'fastify'
import type { KeyHolder } from '../access/guard.ts'
import type { OpenSession } from '../sessions/session-state.ts'
import { options } from './signer-requests.ts'

export interface KmsWalletRoutesDeps {
  readonly commands: Pick<CommandClient, 'call'>
}

const claim = ({ id, userId, user }: KeyHolder) => ({ user_id: userId, session_id: id, operator: holdsRole(user.roles, 'operator') })

export function kmsWalletRoutes (app: FastifyInstance, { commands }: KmsWalletRoutesDeps): void {
  addRoute<typeof readWallets, KeyHolder>(app, readWallets, async ({ query: { limit = 20, cursor }, session, request }) =>
    await commands.call(listWallets, { ...claim(session), limit, ...cursor !== undefined && { cursor } }, options(request, session)))

  addRoute<typeof readWallet, KeyHolder>(app, readWallet, async ({ params: { id }, session, request }) =>
    await commands.call(getWallet, { ...claim(session), id }, options(request, session)))

  addRoute<typeof postWalletDisable, OpenSession>(app, postWalletDisable, async ({ params: { id }, session, request }) =>
    await commands.call(disableWallet, { user_id: session.userId, session_id: session.id, id }, options(request, session)))

  addRoute<typeof readWalletEvents, KeyHolder>(app, readWalletEvents, async ({ params: { id }, query: { limit = 20, cursor }, session, request }) =>
    await commands.call(readWalletAudit, { id, limit, ...cursor !== undefined && { cursor } }, options(request, session)))
}
