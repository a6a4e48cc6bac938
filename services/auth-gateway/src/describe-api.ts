/** The gateway's routes on a server that never listens, and the OpenAPI document that it gives. */
import { createServer } from '@countersign/http'
import { createLogger, createMetrics } from '@countersign/runtime'
import type { FastifyInstance, RouteOptions } from 'fastify'
import { serve, type GatewayDeps } from './app.ts'

export interface UnusedOptions {
  readonly signupMode: 'open' | 'verified'
  /** Told of every route as it is registered. */
  readonly onRoute?: (route: RouteOptions) => void
}

/** Every route, and nothing behind any of them. */
export async function unusedGateway ({ signupMode, onRoute = () => {} }: UnusedOptions): Promise<FastifyInstance> {
  const log = createLogger({ service: 'auth-gateway', level: 'silent', sha: 'unknown', environment: 'development' })
  const metrics = createMetrics({ service: 'auth-gateway', sha: 'unknown' })
  const unused = (): never => { throw new Error('only the description of the API is wanted') }
  const app = await createServer({ service: 'auth-gateway', log, metrics, trustedHops: 0, sessionGuard: unused })
  app.addHook('onRoute', onRoute)
  const deps: GatewayDeps = {
    jwks: unused, health: unused, issueChallenge: unused, signInWithWallet: unused, linkWallet: unused, sessionOf: unused, openSession: unused,
    apiKeys: { create: unused, list: unused, rotate: unused, revoke: unused }, readAudit: unused, setUserRoles: unused,
    walletConnection: {
      request: unused, connect: unused, authenticate: unused, disconnect: unused, health: unused, now: unused, networks: { supported: [], initial: '' },
      read: { ofSession: unused, ofUser: unused, ofAddress: unused, openSession: unused }, cookie: { tokenIn: unused, set: unused, forget: unused }
    },
    walletOtp: { send: unused, status: unused, verify: unused },
    unlink: unused, updateUser: unused, userChanged: unused,
    email: {
      signupMode, signUp: unused, askToSignUp: unused, logIn: unused, changePassword: unused, verify: unused, resend: unused, askForReset: unused, resetPassword: unused,
      askForCode: unused, signInByCode: unused, askToLink: unused, link: unused, secretOf: unused, newSecret: unused, cookie: { keep: unused, read: unused }
    },
    earlierCodes: { ask: unused, submit: unused }, usernameFor: unused,
    askStepUp: unused, answerStepUp: unused, readFactors: unused, totpLabel: unused,
    changeFactors: { beginTotp: unused, confirmTotp: unused, beginSms: unused, confirmSms: unused, beginWallet: unused, confirmWallet: unused, makeRecoveryCodes: unused, remove: unused, object: unused, rename: unused }, assurance: { spend: async () => {} },
    passkeys: { add: { begin: unused, confirm: unused }, answer: unused, ask: unused, signIn: unused }, passkeyOrigins: [],
    exportAccount: unused, askForWipeCode: unused, deleteAccount: unused,
    refresh: unused, close: unused, closeOwn: unused, revokeSessions: unused, listSessions: unused, checkOrigin: unused, introspect: unused, revokeToken: unused,
    cookies: { secretIn: unused, refreshIn: unused, setSecret: unused, forget: unused }, commands: { call: unused }, moveWatch: { next: unused, close: () => {} }, confirmEmail: unused
  }
  await serve(app, deps)
  await app.ready()
  return app
}

export async function describeApi (): Promise<unknown> {
  const app = await unusedGateway({ signupMode: 'open' })
  const { payload } = await app.inject({ url: '/openapi.json' })
  await app.close()
  return JSON.parse(payload)
}
