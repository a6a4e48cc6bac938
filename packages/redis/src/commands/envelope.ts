/** What travels on a command list and on a reply channel. Everything in it is a claim except the list it came by. */
import { problemBySlug, Problem, StepUpAction, type ProblemExtensions } from '@countersign/contracts'
import { Type, type Static } from 'typebox'
import { checkOf } from '../contract-check.ts'

const Id = Type.String({ pattern: '^[A-Za-z0-9_.:-]{1,128}$', maxLength: 128 })
/** 128 random bits each: who guesses neither can forge a reply, even with the right to publish on the channel. */
const Random128 = Type.String({ pattern: '^[A-Za-z0-9_-]{22}$', maxLength: 22 })

export const Envelope = Type.Object({
  /** Of this one call; the reply repeats it. A retry of a command has the same command id and another call. */
  call: Random128,
  /** The process of the caller that waits: the last part of its reply channel. */
  instance: Random128,
  command: Id,
  command_id: Id,
  request_id: Id,
  actor: Type.Optional(Id),
  payload: Type.Unknown()
}, { additionalProperties: false })
export type Envelope = Static<typeof Envelope>

const Extensions = Type.Object({
  detail: Type.Optional(Type.String({ maxLength: 1_024 })),
  faults: Type.Optional(Type.Array(Type.Object({
    path: Type.String({ maxLength: 256 }),
    message: Type.String({ maxLength: 256 })
  }, { additionalProperties: false }), { maxItems: 64 })),
  retry_after: Type.Optional(Type.Integer({ minimum: 0 })),
  attempts_left: Type.Optional(Type.Integer({ minimum: 0 })),
  challenge_id: Type.Optional(Id),
  action: Type.Optional(StepUpAction)
}, { additionalProperties: false })

export const Refusal = Type.Object({ slug: Type.String({ maxLength: 64 }), extensions: Extensions }, { additionalProperties: false })
export type Refusal = Static<typeof Refusal>

export const ReplyEnvelope = Type.Object({
  call: Random128,
  reply: Type.Optional(Type.Unknown()),
  refusal: Type.Optional(Refusal)
}, { additionalProperties: false })
export type ReplyEnvelope = Static<typeof ReplyEnvelope>

const envelopeCheck = checkOf(Envelope)
const replyCheck = checkOf(ReplyEnvelope)

export interface TakenItem {
  /** By the clock of Redis, in ms since the epoch. */
  readonly deadlineMs: number
  readonly envelope: Envelope | undefined
}

/** An item is `<deadline> <JSON>`: the script that stamps the deadline need not read the JSON. */
export const readItem = (item: string): TakenItem => {
  const space = item.indexOf(' ')
  const stamp = item.slice(0, Math.max(space, 0))
  const envelope = parse(item.slice(space + 1))
  const valid = /^[0-9]{1,15}$/.test(stamp) && envelopeCheck.accepts(envelope)
  return { deadlineMs: valid ? Number(stamp) : 0, envelope: valid ? envelope : undefined }
}

/** The replies of one message; one that is malformed comes out as undefined. */
export const readReplies = (message: string): (ReplyEnvelope | undefined)[] => {
  const replies = parse(message)
  if (!Array.isArray(replies)) return [undefined]
  return replies.map((reply: unknown) => replyCheck.accepts(reply) && ('reply' in reply) !== ('refusal' in reply) ? reply : undefined)
}

export const refusalOf = ({ kind, extensions }: Problem): Refusal => ({ slug: kind.slug, extensions: { ...extensions } as Refusal['extensions'] })

/** Undefined when the slug is of a newer version than this process. */
export const problemOf = ({ slug, extensions }: Refusal): Problem | undefined => {
  const kind = problemBySlug(slug)
  return kind === undefined ? undefined : new Problem(kind, extensions as ProblemExtensions)
}

const parse = (text: string): unknown => {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
