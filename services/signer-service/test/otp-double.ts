/** The other end of the protocol: a real command server and a real queue, speaking as otp-service with keys of the test. */
import { createHash } from 'node:crypto'
import {
  answerChallengeByWallet, askWalletOfChallenge, createChallenge, describeFactors, Problem, problems, receiptForSigner, resendChallenge, verifyChallenge, type ReceiptClaims, type RequestOf
} from '@countersign/contracts'
import { createProducer, handle, jobConnection, startCommandServer, type CommandServer } from '@countersign/redis'
import { createMetrics, newId, type Logger } from '@countersign/runtime'
import { createReceiptSigner, generateReceiptKey, randomToken } from '@countersign/secrets'

export const rightCode = '424242'

export interface OtpChallenge extends RequestOf<typeof createChallenge> {
  attemptsLeft: number
  consumed: boolean
  sends: number
}

/** One of each kind: the double takes the right code, or this signature, of all of them. */
export const rightSignature = 'signed'
const proved_at = '2030-01-01T00:00:00Z'
const quietFactors = (['sms', 'wallet', 'totp', 'recovery_codes'] as const).map((kind) => ({ id: newId('fct'), kind, label: kind, shown: kind === 'sms' || kind === 'wallet', sends: kind === 'sms', proved_at }))
const emailFactor = { id: newId('fct'), kind: 'email_code' as const, label: 'a***@example.com', shown: true, sends: true, proved_at: '2030-01-01T00:00:00Z' }

export type OtpDouble = Awaited<ReturnType<typeof startOtp>>

export async function startOtp ({ url, log }: { url: string, log: Logger }) {
  const metrics = createMetrics({ service: 'otp-service', sha: 'test' })
  const key = generateReceiptKey()
  const { sign, signMailbox } = createReceiptSigner(key.privateJwk)
  const producer = createProducer(receiptForSigner, { connection: jobConnection(url, 'otp-service'), log, metrics })
  const challenges = new Map<string, OtpChallenge>()
  const factorRoots = new Map<string, string>()
  const issued: { readonly receipt: string, readonly claims: ReceiptClaims }[] = []
  const switches = {
    /** Changes what a receipt says before it is signed. */
    claims: (claims: ReceiptClaims): ReceiptClaims => claims,
    /** Refuses `challenges.create` and `resend`. */
    refuse: undefined as Problem | undefined,
    /** The receipt is made, but its reply does not arrive. */
    loseReply: false,
    /** Addresses of wallets that are factors, by user. */
    wallets: new Map<string, readonly string[]>(),
    /** The receipt also goes to the queue, as from the outbox. */
    sendJob: false
  }
  let server: CommandServer | undefined

  const expiresAt = (): string => new Date(Date.now() + 300_000).toISOString()
  const sentView = ({ challenge_id: id, attemptsLeft }: OtpChallenge) => ({ challenge_id: id, sent_to: 'a***@example.com', expires_at: expiresAt(), attempts_left: attemptsLeft })
  const viewOf = (challenge: OtpChallenge) => ({ ...sentView(challenge), factors: [emailFactor, ...quietFactors].filter(({ kind }) => challenge.factor_kinds.includes(kind) && (kind !== 'sms' || challenge.short_text !== undefined)) })
  const claimsOf = (challenge: OtpChallenge): ReceiptClaims => ({
    jti: newId('rcp'),
    challenge_id: challenge.challenge_id,
    aud: 'signer-service',
    purpose: 'transaction',
    sub: challenge.user_id,
    factor_root: challenge.factor_root,
    factor_kind: 'email_code',
    shown: true,
    factor_age_seconds: 60,
    action_digest: challenge.action_digest,
    text_sha256: createHash('sha256').update(challenge.text, 'utf8').digest('hex'),
    iat: Math.floor(Date.now() / 1_000)
  })
  /** As the factor says it, whose code it is. */
  const claimsBy = (challenge: OtpChallenge, factor: typeof quietFactors[number] | undefined): ReceiptClaims => factor === undefined
    ? claimsOf(challenge)
    : { ...claimsOf(challenge), factor_kind: factor.kind, shown: factor.shown, ...factor.kind === 'sms' && { text_sha256: createHash('sha256').update(challenge.short_text ?? '', 'utf8').digest('hex') } }
  const addJob = async (receipt: string, { jti, challenge_id: challengeId }: Pick<ReceiptClaims, 'jti' | 'challenge_id'>): Promise<void> => {
    await producer.add({ receipt_id: jti, challenge_id: challengeId, request_id: newId('req'), receipt })
  }

  const handlers = [
    handle(describeFactors, async ({ user_id: userId, expected_email: expected }) => ({
      ...expected !== undefined && { matches_expected: expected === 'ada@example.com' },
      factor_root: factorRootOf(userId), factors: [
        { factor_id: newId('fct'), kind: 'email_code' as const, masked: 'a***@example.com', proved_at: new Date().toISOString() },
        ...(switches.wallets.get(userId) ?? []).map((masked) => ({ factor_id: newId('fct'), kind: 'wallet' as const, masked, proved_at: new Date().toISOString() }))
      ]
    })),
    handle(createChallenge, async (request) => {
      if (switches.refuse !== undefined) throw switches.refuse
      const known = challenges.get(request.challenge_id)
      if (known !== undefined) return viewOf(known)
      const made = { ...request, attemptsLeft: 3, consumed: false, sends: 1 }
      challenges.set(request.challenge_id, made)
      return viewOf(made)
    }),
    handle(resendChallenge, async ({ challenge_id: id, session_id: session }) => {
      if (switches.refuse !== undefined) throw switches.refuse
      const known = challenges.get(id)
      if (known === undefined || known.session_id !== session) throw new Problem(problems.notFound)
      if (known.consumed || known.attemptsLeft === 0) throw new Problem(problems.stateConflict)
      known.sends++
      return sentView(known)
    }),
    handle(askWalletOfChallenge, async () => ({ sign: { family: 'solana' as const, address: 'wallet', message: 'sign this', expires_at: expiresAt() } })),
    handle(answerChallengeByWallet, async ({ challenge_id: id, signature }) => {
      const known = challenges.get(id)
      if (known === undefined || known.consumed || signature !== rightSignature) throw new Problem(problems.proofRejected)
      known.consumed = true
      return { receipt: await sign({ ...claimsOf(known), factor_kind: 'wallet' }) }
    }),
    handle(verifyChallenge, async ({ challenge_id: id, session_id: session, user_id: user, factor_id: factorId, code }) => {
      const known = challenges.get(id)
      if (known === undefined || known.session_id !== session || known.user_id !== user || known.consumed || known.attemptsLeft === 0) throw new Problem(problems.codeRejected)
      if (code !== rightCode) {
        known.attemptsLeft--
        throw new Problem(problems.codeRejected, { attempts_left: known.attemptsLeft })
      }
      known.consumed = true
      const claims = switches.claims(claimsBy(known, quietFactors.find((factor) => factor.id === factorId)))
      const receipt = await sign(claims)
      issued.push({ receipt, claims })
      if (switches.sendJob) await addJob(receipt, claims)
      if (switches.loseReply) throw new Problem(problems.unavailable)
      return { receipt }
    })
  ]
  const start = async (): Promise<void> => { server ??= await startCommandServer({ url, service: 'otp-service', log, metrics, handlers, concurrency: 256 }) }
  const stop = async (): Promise<void> => {
    await server?.close()
    server = undefined
  }
  function factorRootOf (userId: string): string {
    const known = factorRoots.get(userId) ?? randomToken(32)
    factorRoots.set(userId, known)
    return known
  }
  await start()

  return {
    publicJwk: key.publicJwk,
    sign,
    signMailbox,
    switches,
    challenges,
    /** What the outbox would bring again. */
    issued,
    factorRootOf,
    claimsOf,
    addJob,
    start,
    stop,
    /** The outstanding challenge of a transaction, by its id in the text. */
    challengeOf: (txId: string): OtpChallenge => {
      const found = [...challenges.values()].filter(({ text }) => text.includes(txId)).at(-1)
      if (found === undefined) throw new Error(`nobody asked about ${txId}`)
      return found
    },
    close: async () => {
      await stop()
      await producer.close()
    }
  }
}
