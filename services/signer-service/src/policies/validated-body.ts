import { Problem, problems } from '@countersign/contracts'
import { PolicyRefused, validatePolicy, type Checksummed, type ValidPolicy } from './validate-policy.ts'

/** @throws Problem schemaViolation with the path of each fault */
export function validatedBody (document: unknown, checksummed: Checksummed): ValidPolicy {
  try {
    return validatePolicy(document, checksummed)
  } catch (error) {
    if (!(error instanceof PolicyRefused)) throw error
    throw new Problem(problems.schemaViolation, { faults: error.faults.map((fault) => {
      const [path = '', ...message] = fault.split(' ')
      return { path: `body/document/${path}`, message: message.join(' ') }
    }) })
  }
}
