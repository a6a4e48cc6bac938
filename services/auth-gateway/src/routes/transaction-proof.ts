/** Which of the forms of a confirmation a body is. */
import { Problem, problems, TransactionProof } from '@countersign/contracts'
import { Compile } from 'typebox/compile'

const form = Compile(TransactionProof)

/** @throws Problem schemaViolation for the fields of two forms, or of none */
export function proofOf (body: Readonly<Record<string, unknown>>): TransactionProof {
  if (form.Check(body)) return body
  throw new Problem(problems.schemaViolation, { faults: [{ path: 'body', message: 'is one of: code, with or without factor_id; factor_id and signature; credential' }] })
}
