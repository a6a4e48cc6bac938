/** What the gateway serves, in order. */
import { registerDocs } from '@countersign/http'
import type { FastifyInstance } from 'fastify'
import { meRoutes, type MeRoutesDeps } from './routes/me.ts'
import { openPages, type OpenPagesDeps } from './routes/open-pages.ts'
import { signInRoutes, type SignInRoutesDeps } from './routes/sign-in.ts'
import { transactionRoutes, type TransactionRoutesDeps } from './routes/transactions.ts'

export type GatewayDeps = OpenPagesDeps & SignInRoutesDeps & MeRoutesDeps & TransactionRoutesDeps

export async function serve (app: FastifyInstance, deps: GatewayDeps): Promise<void> {
  await registerDocs(app, { title: 'Countersign', version: '0.1.0' })
  await app.register(async (door) => {
    openPages(door, deps)
    signInRoutes(door, deps)
    meRoutes(door, deps)
    transactionRoutes(door, deps)
  })
}
