/**
 * The policy changes by an administrator's EIP-712 signature over (policy, version, hash, previous hash), checked here and kept with the
 * version. The first version, and with it the first administrator, comes from the operator's command line.
 */
import { longestPolicyChangeSeconds, policyChangeData, Problem, problems, type PolicyView, type SignableData } from '@countersign/contracts'
import type { Audit } from '@countersign/mongo'
import type { NoteRefused } from '../audit/note-refused.ts'
import type { PrincipalRepository } from '../principals/principal-repository.ts'
import type { Transact, Unit } from '../unit.ts'
import type { WalletRepository } from '../wallets/wallet-repository.ts'
import type { Policy } from './policy.ts'
import type { PolicyRepository } from './policy-repository.ts'
import type { Checksummed, ValidPolicy } from './validate-policy.ts'
import { validatedBody } from './validated-body.ts'

export interface ChangePolicyDeps {
  readonly policies: Pick<PolicyRepository, 'current' | 'add' | 'list'>
  readonly principals: Pick<PrincipalRepository, 'find' | 'ofKey'>
  readonly wallets: Pick<WalletRepository, 'list'>
  readonly audit: Pick<Audit, 'append'>
  readonly noteRefused: NoteRefused
  readonly transact: Transact
  readonly checksummed: Checksummed
  readonly signerOf: (data: SignableData, signature: string) => Promise<{ readonly digest: string, readonly key: string } | undefined>
  readonly deployment: string
}

interface Asking { readonly userId: string, readonly requestId: string }
export interface PolicyChangeGiven { readonly policyId: string, readonly version: number, readonly previousSha256: string, readonly validUntil: number, readonly document: unknown, readonly signature: string }

const mostVersions = 100
/** What a draft gives the administrator to read and sign. */
const usualSeconds = 3_600

export const policyView = ({ id, version, sha256, document, createdAt }: Policy): PolicyView => ({ id, version, sha256, created_at: createdAt.toISOString(), document })
const conflict = (detail: string): Problem => new Problem(problems.stateConflict, { detail })
const none = 'There is no policy yet: the first version comes from the command line, with countersign policies set.'

/** @throws Problem notPermitted for whoever is no principal */
export const createReadPolicies = ({ policies, principals }: Pick<ChangePolicyDeps, 'policies' | 'principals'>) => async (userId: string) => {
  if (await principals.find(userId) === undefined) throw new Problem(problems.notPermitted)
  const current = await policies.current()
  return {
    current: current === undefined ? null : policyView(current.policy),
    versions: (await policies.list(mostVersions)).map(({ version, sha256, createdAt, change }) => ({ version, sha256, created_at: createdAt.toISOString(), set_by: change?.administrator ?? 'operator' }))
  }
}

/** @throws Problem schemaViolation, notPermitted, stateConflict while there is no policy */
export const createDraftPolicy = (deps: ChangePolicyDeps) => async (document: unknown, { userId }: Pick<Asking, 'userId'>) => {
  if ((await deps.principals.find(userId))?.may.includes('administer') !== true) throw new Problem(problems.notPermitted)
  const valid = await validated(deps, document)
  const current = await deps.policies.current()
  if (current === undefined) throw conflict(none)
  const { id, version, sha256: previousSha256 } = current.policy
  const draft = { policyId: id, version: version + 1, previousSha256, validUntil: Math.floor(current.at.getTime() / 1_000) + usualSeconds }
  return {
    policy_id: id, version: draft.version, sha256: valid.sha256, previous_sha256: previousSha256, valid_until: draft.validUntil, document: valid.document, sign: dataToSign(deps, draft, valid)
  }
}

/** @throws Problem proofRejected, notPermitted, notFound, stateConflict when another change came first, schemaViolation */
export const createChangePolicy = (deps: ChangePolicyDeps) => async (given: PolicyChangeGiven, asking: Asking): Promise<PolicyView> => {
  const valid = await validated(deps, given.document)
  const signed = await deps.signerOf(dataToSign(deps, given, valid), given.signature)
  try {
    if (signed === undefined) throw new Problem(problems.proofRejected)
    return policyView(await deps.transact(async (unit) => await change(deps, unit, given, valid, signed, asking)))
  } catch (error) {
    if (error instanceof Problem) {
      await deps.noteRefused({
        event: 'policy.refused', source: 'auth-gateway', reason: error.kind.slug, subject: 'policy', requestId: asking.requestId,
        facts: { claimed_user: asking.userId, version: given.version, sha256: valid.sha256, ...signed !== undefined && { key: signed.key } }
      })
    }
    throw error
  }
}

async function change ({ principals, policies, audit }: ChangePolicyDeps, unit: Unit, given: PolicyChangeGiven, valid: ValidPolicy, signed: { readonly digest: string, readonly key: string }, { userId, requestId }: Asking): Promise<Policy> {
  const able = (await principals.ofKey(signed.key, unit)).filter(({ may }) => may.includes('administer'))
  const administrator = able.find(({ id }) => id === userId) ?? able[0]
  if (administrator === undefined) throw new Problem(problems.notPermitted, { detail: 'The signature is of no key that may administer. An operator grants it with: countersign principals grant --may administer.' })
  const found = await policies.current(unit)
  if (found === undefined) throw conflict(none)
  const { policy: current, at } = found
  if (current.id !== given.policyId) throw new Problem(problems.notFound)
  // The very change, repeated because its answer was lost.
  if (current.version === given.version && current.change?.digest === signed.digest) return current
  const secondsLeft = given.validUntil - at.getTime() / 1_000
  if (secondsLeft <= 0 || secondsLeft > longestPolicyChangeSeconds) throw conflict(`The signature counts until valid_until, which must be within the next ${longestPolicyChangeSeconds} seconds: make a draft and sign it anew.`)
  if (current.version + 1 !== given.version || current.sha256 !== given.previousSha256) throw conflict(`The policy is at version ${current.version}, and another one than this change was made for: read it and sign again.`)
  const proof = { administrator: administrator.id, key: signed.key, digest: signed.digest, signature: given.signature, previousSha256: given.previousSha256, validUntil: given.validUntil }
  const added = await policies.add({ id: current.id, version: given.version, ...valid, change: proof }, unit)
  if (added === undefined) throw conflict('Another change of the policy came first: read it and sign again.')
  await audit.append({
    event: 'policy.set', subject: current.id, actor: administrator.id, requestId,
    facts: { version: given.version, sha256: valid.sha256, previous_sha256: given.previousSha256, valid_until: given.validUntil, key: signed.key, change_digest: signed.digest, rules: valid.document.rules.map(({ name }) => name) }
  }, unit.session)
  return added
}

const dataToSign = ({ deployment }: ChangePolicyDeps, { policyId, version, previousSha256, validUntil }: Pick<PolicyChangeGiven, 'policyId' | 'version' | 'previousSha256' | 'validUntil'>, { document, sha256 }: ValidPolicy): SignableData =>
  policyChangeData({ deployment, policy: policyId, version, document, sha256, previousSha256, validUntil })

async function validated ({ wallets, checksummed }: ChangePolicyDeps, document: unknown): Promise<ValidPolicy> {
  const valid = validatedBody(document, checksummed)
  const missing = missingWallets(valid, (await wallets.list()).map(({ id }) => id))
  if (missing.length > 0) throw new Problem(problems.schemaViolation, { faults: missing.map((id) => ({ path: 'body/document/rules', message: `name a wallet that does not exist: ${id}` })) })
  return valid
}

/** @returns ids in the document that are no wallet's. */
export const missingWallets = ({ document }: Pick<ValidPolicy, 'document'>, known: readonly string[]): string[] =>
  [...new Set(document.rules.flatMap(({ wallets = [] }) => wallets))].filter((id) => !known.includes(id))
