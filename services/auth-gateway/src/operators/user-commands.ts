/** `users show|grant|revoke`: accounts and the roles that open the gateway's routes for operators. */
import { roles as allRoles, type Role } from '@countersign/contracts'
import { createAudit, type Mongo } from '@countersign/mongo'
import { UsageFault, type CliCommand } from '@countersign/runtime'
import { toUser, type IdentityDocument, type UserDocument } from '../users/user-document.ts'
import { createRoleRepository } from '../users/role-repository.ts'
import type { User } from '../users/user.ts'
import type { WithMongo } from './with-mongo.ts'

const who = [['<user>', 'User id, username, or a login such as eip155:0:0x…']] as const

export const userCommands = (withMongo: WithMongo): CliCommand[] => [
  {
    name: 'users show',
    description: 'An account: its roles and the kinds of its logins',
    args: who,
    run: ({ args: [name = ''], print, line }) => withMongo(async (mongo) => {
      const user = await findUser(mongo, name)
      const shown = { id: user.id, username: user.username, roles: user.roles, logins: user.identities.map(({ kind, verified }) => ({ kind, verified })), created_at: user.createdAt.toISOString() }
      print(shown, () => {
        line(`${shown.id}  ${shown.username}`)
        line(`roles   ${shown.roles.join(', ')}`)
        line(`logins  ${shown.logins.map(({ kind, verified }) => verified ? kind : `${kind} (not proved)`).join(', ') || 'none'}`)
      })
      return 0
    })
  },
  change('users grant', 'Give a user a role: operator or admin', (held, role) => [...held, role], withMongo),
  change('users revoke', 'Take a role from a user; the last administrator stays', (held, role) => held.filter((other) => other !== role), withMongo)
]

const change = (name: string, description: string, next: (held: readonly Role[], role: Role) => Role[], withMongo: WithMongo): CliCommand => ({
  name,
  description,
  args: [...who, ['<role>', 'operator or admin']],
  run: ({ args: [user = '', given = ''], print, line }) => withMongo(async (mongo) => {
    const role = allRoles.find((known) => known === given && known !== 'user')
    if (role === undefined) throw new UsageFault('the role is operator or admin')
    const { id, roles: held } = await findUser(mongo, user)
    const now = await createRoleRepository({ mongo, audit: createAudit(mongo.db) }).set({ userId: id, roles: next(held, role), actor: 'command line' })
    if (now === 'last admin') throw new Error('the last administrator stays: make another one first')
    if (now === undefined) throw new Error(`there is no user ${user}`)
    print({ id, roles: now }, () => { line(`${id}: ${now.join(', ')}`) })
    return 0
  })
})

/** @throws Error naming what was asked for */
async function findUser (mongo: Mongo, name: string): Promise<User> {
  const users = mongo.db.collection<UserDocument>('users')
  const identities = mongo.db.collection<IdentityDocument>('identities')
  const login = await identities.findOne({ _id: name })
  const found = await users.findOne({ state: 'active', ...login !== null ? { _id: login.userId } : /^usr_[0-9A-HJKMNP-TV-Z]{26}$/.test(name) ? { _id: name } : { usernameKey: name.toLowerCase() } })
  if (found === null) throw new Error(`there is no user ${name}`)
  return toUser(found, await identities.find({ userId: found._id }).toArray())
}
