/** otp-service's part of a confirmation, without its work: every challenge is known at once, every answer is right, and each receipt is signed for real. */
import { createHash } from 'node:crypto'
import { createChallenge, describeFactors, Problem, problems, verifyChallenge, type RequestOf } from '@countersign/contracts'
import { handle, startCommandServer } from '@countersign/redis'
import { createMetrics, newId, type Logger } from '@countersign/runtime'
import { createReceiptSigner, type Jwk } from '@countersign/secrets'

export const code = '424242'
const factorRoot = 'f'.repeat(43)

export async function startOtpPart ({ url, privateJwk, log }: { readonly url: string, readonly privateJwk: Jwk, readonly log: Logger }): Promise<{ close: () => Promise<void> }> {
  const { sign } = createReceiptSigner(privateJwk)
  const challenges = new Map<string, RequestOf<typeof createChallenge>>()
  const handlers = [
    handle(describeFactors, async () => ({ factor_root: factorRoot, factors: [{ factor_id: newId('fct'), kind: 'email_code' as const, masked: 'a***@example.com', proved_at: new Date().toISOString() }] })),
    handle(createChallenge, async (request) => {
      challenges.set(request.challenge_id, request)
      return { challenge_id: request.challenge_id, sent_to: 'a***@example.com', expires_at: new Date(Date.now() + 900_000).toISOString(), attempts_left: 3, factors: [] }
    }),
    handle(verifyChallenge, async ({ challenge_id: id }) => {
      const challenge = challenges.get(id)
      if (challenge === undefined) throw new Problem(problems.codeRejected)
      challenges.delete(id)
      return {
        receipt: await sign({
          jti: newId('rcp'), challenge_id: id, aud: 'signer-service', purpose: 'transaction', sub: challenge.user_id, factor_root: challenge.factor_root,
          factor_kind: 'email_code', shown: true, factor_age_seconds: 60, action_digest: challenge.action_digest,
          text_sha256: createHash('sha256').update(challenge.text, 'utf8').digest('hex'), iat: Math.floor(Date.now() / 1_000)
        })
      }
    })
  ]
  return await startCommandServer({ url, service: 'otp-service', log, metrics: createMetrics({ service: 'otp-service', sha: 'bench' }), handlers, concurrency: 256 })
}
