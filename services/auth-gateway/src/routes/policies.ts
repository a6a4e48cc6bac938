/** Approvals and the policy: the gateway hands signatures over to signer-service, and is believed for none of them. */
import {
  approveTransaction, changePolicy, draftPolicy, explainPolicy, getApprovals, getPolicies, giveApproval, postDryRun, postPolicy, putPolicy, readApprovals, readPolicies, rejectTransaction
} from '@countersign/contracts'
import { addRoute } from '@countersign/http'
import type { CommandClient } from '@countersign/redis'
import type { FastifyInstance } from 'fastify'
import type { OpenSession } from '../sessions/session-state.ts'
import { options } from './signer-requests.ts'

export interface PolicyRoutesDeps {
  readonly commands: Pick<CommandClient, 'call'>
}

export function policyRoutes (app: FastifyInstance, { commands }: PolicyRoutesDeps): void {
  addRoute<typeof getApprovals, OpenSession>(app, getApprovals, async ({ params, session, request }) =>
    await commands.call(readApprovals, { user_id: session.userId, id: params.id }, options(request, session)))

  addRoute<typeof approveTransaction, OpenSession>(app, approveTransaction, async ({ params, body, session, request }) =>
    await commands.call(giveApproval, { user_id: session.userId, id: params.id, decision: 'approve', signature: body.signature }, options(request, session)))

  addRoute<typeof rejectTransaction, OpenSession>(app, rejectTransaction, async ({ params, body, session, request }) =>
    await commands.call(giveApproval, { user_id: session.userId, id: params.id, decision: 'reject', signature: body.signature }, options(request, session)))

  addRoute<typeof getPolicies, OpenSession>(app, getPolicies, async ({ session, request }) =>
    await commands.call(readPolicies, { user_id: session.userId }, options(request, session)))

  addRoute<typeof postPolicy, OpenSession>(app, postPolicy, async ({ body, session, request }) =>
    await commands.call(draftPolicy, { user_id: session.userId, document: body.document }, options(request, session)))

  addRoute<typeof putPolicy, OpenSession>(app, putPolicy, async ({ params, body, session, request }) =>
    await commands.call(changePolicy, { user_id: session.userId, policy_id: params.id, ...body }, options(request, session)))

  addRoute<typeof postDryRun, OpenSession>(app, postDryRun, async ({ body, session, request }) =>
    await commands.call(explainPolicy, { user_id: session.userId, ...body }, options(request, session)))
}
