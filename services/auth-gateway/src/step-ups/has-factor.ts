/** Whether an account has a factor. Where this service's own note does not say, otp-service does. */
import { listFactors } from '@countersign/contracts'
import type { CommandClient } from '@countersign/redis'
import type { UserRepository } from '../users/user-repository.ts'

export interface HasFactorDeps {
  readonly users: Pick<UserRepository, 'hasFactor' | 'noteFactors'>
  readonly commands: Pick<CommandClient, 'call'>
}

/** @throws Problem unavailable when otp-service must be asked and does not answer */
export const createHasFactor = ({ users, commands }: HasFactorDeps) =>
  async (userId: string, requestId: string): Promise<boolean> => {
    const noted = await users.hasFactor(userId)
    if (noted !== undefined) return noted
    const { factors } = await commands.call(listFactors, { user_id: userId }, { requestId, actor: userId })
    if (factors.length > 0) await users.noteFactors(userId, 'some')
    return factors.length > 0
  }
