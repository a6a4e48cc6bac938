/**
 * A provider over HTTP in the shape that most of them share: a form with To, From and Body is posted with HTTP Basic, and the answer is JSON,
 * with `sid` for what was taken and `code` for what was not. Nothing of an answer but its numbers is kept: its words repeat the recipient.
 */
import { SmsFault, type SmsPort } from './sms-port.ts'

export interface HttpProviderOptions {
  /** Where messages are posted, account and all. */
  readonly url: string
  readonly account: string
  readonly token: string
  /** A number, or a name that the provider has registered. */
  readonly from: string
  readonly deadlineMs: number
}

const largestAnswer = 65_536

/** The connection was never made, or not with the provider: nothing left. */
const neverSent = /^(ECONNREFUSED|ENOTFOUND|EAI_AGAIN|EHOSTUNREACH|ENETUNREACH|UND_ERR_CONNECT_TIMEOUT|ERR_TLS_[A-Z_]+|[A-Z_]*CERT[A-Z_]*|HOSTNAME_MISMATCH)$/
/** Codes of refusals that are about the number: none, no mobile one, cannot be reached, or its owner asked for no more. */
const deadNumbers = new Set([21211, 21214, 21217, 21401, 21610, 21614])

export function createHttpProvider ({ url, account, token, from, deadlineMs }: HttpProviderOptions): SmsPort {
  const authorization = `Basic ${Buffer.from(`${account}:${token}`).toString('base64')}`
  return {
    async send ({ to, text, idempotencyKey }) {
      const { status, answer } = await within(deadlineMs, async (signal) => {
        const response = await fetch(url, {
          method: 'POST',
          headers: { authorization, accept: 'application/json', 'idempotency-key': idempotencyKey },
          body: new URLSearchParams({ To: to, From: from, Body: text }),
          // Credentials go where they were configured to go, and nowhere else.
          redirect: 'manual',
          signal
        })
        return { status: response.status, answer: await answerOf(response) }
      })
      if (status < 200 || status >= 300) throw refusal(status, answer)
      const { sid } = answer
      // Somebody took it. Whether that was the provider is not known.
      if (typeof sid !== 'string' || !/^[A-Za-z0-9_-]{1,64}$/.test(sid)) throw new SmsFault(`sms ${status} without an id`, { maybeSent: true })
      return { providerId: sid }
    }
  }
}

interface Answer { readonly sid?: unknown, readonly code?: unknown }

/** What is no JSON, or more than anybody needs, says nothing. */
async function answerOf ({ body }: Response): Promise<Answer> {
  const chunks: Uint8Array[] = []
  let length = 0
  for await (const chunk of (body ?? []) as AsyncIterable<Uint8Array>) {
    length += chunk.length
    // Leaving the loop cancels the rest.
    if (length > largestAnswer) return {}
    chunks.push(chunk)
  }
  try {
    const parsed: unknown = JSON.parse(Buffer.concat(chunks).toString('utf8'))
    return typeof parsed === 'object' && parsed !== null ? parsed : {}
  } catch {
    return {}
  }
}

/** Of this very message only where its number is named, or its form; a login, an address of the provider and a limit are the operator's, or time's. */
function refusal (status: number, { code }: Answer): SmsFault {
  const number = typeof code === 'number' && Number.isSafeInteger(code) && code > 0 ? code : undefined
  const reason = number === undefined ? `sms ${status}` : `sms ${status} ${number}`
  const permanent = status === 400 || status === 410 || status === 422
  // A gateway in front of the provider gave up waiting for it.
  return new SmsFault(reason, { permanent, maybeSent: status === 504, noSuchRecipient: permanent && number !== undefined && deadNumbers.has(number) })
}

async function within<T> (deadlineMs: number, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  try {
    return await work(AbortSignal.timeout(deadlineMs))
  } catch (error) {
    const { name, cause } = error as Error & { cause?: { code?: unknown } }
    if (name === 'TimeoutError') throw new SmsFault('no answer in time', { maybeSent: true })
    const code = typeof cause?.code === 'string' && /^[A-Z0-9_]{1,64}$/.test(cause.code) ? cause.code : 'unknown'
    throw new SmsFault(code, { maybeSent: !neverSent.test(code) })
  }
}
