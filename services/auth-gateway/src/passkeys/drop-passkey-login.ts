import type { Asker } from '../sign-in/link-wallet.ts'
import type { UnlinkIdentity } from '../sign-in/unlink-identity.ts'
import type { UserRepository } from '../users/user-repository.ts'

export interface DropPasskeyLoginDeps {
  readonly users: Pick<UserRepository, 'find'>
  readonly unlink: UnlinkIdentity
}

/** The factor is gone, and otp-service takes no answer of it any more. So goes its login, with the sessions that it opened. */
export const createDropPasskeyLogin = ({ users, unlink }: DropPasskeyLoginDeps) =>
  async (who: Pick<Asker, 'userId' | 'requestId'>, factorId: string): Promise<void> => {
    const user = await users.find(who.userId)
    const login = user?.identities.find(({ kind, address }) => kind === 'passkey' && address === factorId)
    if (login !== undefined) await unlink(login.id, who, { evenLast: true })
  }
