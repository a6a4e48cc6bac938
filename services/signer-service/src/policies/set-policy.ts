/** Adds a version of the policy, from the operator's command line only. */
import type { Audit } from '@countersign/mongo'
import type { Transact } from '../unit.ts'
import type { Policy } from './policy.ts'
import type { PolicyRepository } from './policy-repository.ts'
import type { ValidPolicy } from './validate-policy.ts'

export interface SetPolicyDeps {
  readonly policies: Pick<PolicyRepository, 'current' | 'add'>
  readonly audit: Pick<Audit, 'append'>
  readonly transact: Transact
  readonly newPolicyId: () => string
}

export interface SetGiven {
  /** Only where there is none yet: an administrator signs what comes later. */
  readonly firstOnly?: boolean
  /** Why no administrator signed it; kept in the audit. */
  readonly breakGlass?: string
}

/** @throws Error when there is a policy and it must be the first; when another operator set one at the same moment: whose came last must not be a matter of luck. */
export const createSetPolicy = ({ policies, audit, transact, newPolicyId }: SetPolicyDeps) =>
  async ({ document, sha256 }: ValidPolicy, { firstOnly = false, breakGlass }: SetGiven = {}): Promise<{ policy: Policy, changed: boolean }> => await transact(async (unit) => {
    const current = (await policies.current(unit))?.policy
    if (current?.sha256 === sha256) return { policy: current, changed: false }
    if (firstOnly && current !== undefined) {
      throw new Error(`version ${current.version} is in force, and an administrator signs what comes after it (POST and PUT /api/v1/policies); without one, say why: --break-glass "..."`)
    }
    const policy = await policies.add({ id: current?.id ?? newPolicyId(), version: (current?.version ?? 0) + 1, document, sha256, change: null }, unit)
    if (policy === undefined) throw new Error('the policy was changed by somebody else at the same time: look at it with `policies show` and set it again')
    await audit.append({ event: 'policy.set', subject: policy.id, actor: 'operator', facts: { version: policy.version, sha256, rules: policy.document.rules.map(({ name }) => name), ...breakGlass !== undefined && { break_glass: breakGlass } } }, unit.session)
    return { policy, changed: true }
  })
