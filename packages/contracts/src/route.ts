import type { Static, TObject, TSchema } from 'typebox'
import type { Role, Scope } from './access.ts'
import type { ProblemName } from './problems.ts'
import type { StepUp } from './step-ups.ts'

/** One HTTP route: validates, types, serialises and documents from one place. */
export interface Route {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'
  readonly path: string
  readonly operationId: string
  readonly tag: string
  readonly summary: string
  readonly description?: string
  /** Who may call: anyone, or the holder of an access token of an open session. */
  readonly caller: 'anyone' | 'session'
  /** An API key with this scope may call too, where `caller` is `session`. Absent: no key may. */
  readonly scope?: Scope
  /** The user must hold this role, or one above it. Absent: any user. */
  readonly role?: Exclude<Role, 'user'>
  /** The session's own proof must be younger than `freshProofSeconds`. `first-factor`: only while the user has no factor, whose proof otp-service asks for itself. */
  readonly fresh?: true | 'first-factor'
  /** With `fresh: true`: a user who has a factor proves it for exactly this action instead (the Step-Up header). Without it the route asks for a factor's proof of its own. */
  readonly stepUp?: StepUp
  /** Regular expressions of path parameters: a path that does not match belongs to another route, or to none. */
  readonly segments?: Readonly<Record<string, string>>
  /**
   * Of an earlier system: what refusals carry beside the problem, as application/json. `message`: that, and `details` where there are faults;
   * `success`: `success: false` and `error`.
   */
  readonly refusals?: 'message' | 'success'
  /** Which outer rate limit counts it; `service` is for programs behind an application, which ask for each of its requests; `none` for probes, which must not be refused for asking often. */
  readonly limit: 'general' | 'sign-in' | 'service' | 'none'
  readonly headers?: TObject
  readonly params?: TObject
  readonly query?: TObject
  readonly body?: TObject
  readonly status: 200 | 201 | 202 | 204
  readonly reply?: TSchema
  /** The same answer under another status, which the handler sets: of probes that tell bad news. */
  readonly orStatus?: { readonly status: number, readonly description: string }
  readonly problems: readonly ProblemName[]
}

type Part<R extends Route, K extends keyof Route> = R[K] extends TSchema ? Static<R[K]> : undefined

export interface RouteRequest<R extends Route> {
  readonly headers: Part<R, 'headers'>
  readonly params: Part<R, 'params'>
  readonly query: Part<R, 'query'>
  readonly body: Part<R, 'body'>
}
export type RouteReply<R extends Route> = R['reply'] extends TSchema ? Static<R['reply']> : undefined

export const defineRoute = <const R extends Route>(route: R): R => Object.freeze(route)
