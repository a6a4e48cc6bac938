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

/** @throws Error when another operator set a policy at the same moment: whose came last must not be a matter of luck. */
export const createSetPolicy = ({ policies, audit, transact, newPolicyId }: SetPolicyDeps) =>
  async ({ document, sha256 }: ValidPolicy): Promise<{ policy: Policy, changed: boolean }> => await transact(async (unit) => {
    const current = (await policies.current(unit))?.policy
    if (current?.sha256 === sha256) return { policy: current, changed: false }
    const policy = await policies.add({ id: current?.id ?? newPolicyId(), version: (current?.version ?? 0) + 1, document, sha256, change: null }, unit)
    if (policy === undefined) throw new Error('the policy was changed by somebody else at the same time: look at it with `policies show` and set it again')
    await audit.append({ event: 'policy.set', subject: policy.id, actor: 'operator', facts: { version: policy.version, sha256, rules: policy.document.rules.map(({ name }) => name) } }, unit.session)
    return { policy, changed: true }
  })
