import { Problem, problems } from '@countersign/contracts'
import { passwordFault, type PasswordOwner } from '../passwords/password-fault.ts'

/** @throws Problem schemaViolation at that field of the body */
export function refuseWeakPassword (password: string, owner: PasswordOwner, field = 'password'): void {
  const message = passwordFault(password, owner)
  if (message !== undefined) throw new Problem(problems.schemaViolation, { faults: [{ path: `body/${field}`, message }] })
}
