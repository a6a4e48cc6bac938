/**
 * What each service's Redis user may touch, derived from the contracts: the lists it calls and is called on, its reply channels, the
 * queues it fills or empties, its own keys. Everything else is refused by Redis itself. Only commands that Redis 6.2 knows, no selectors.
 */
import { createHash } from 'node:crypto'
import { commandListKey, commands, jobs, queuePrefix, redisKeys, type ServiceName } from '@countersign/contracts'
import { isAtLeast } from '../version.ts'

/** Names and rules of all users, for an ACL file. `version` is that of the server. */
export const redisUsers = (passwords: Readonly<Record<ServiceName, string>>) => (version: string): { name: ServiceName, rules: readonly string[] }[] =>
  (Object.keys(passwords) as ServiceName[]).map((name) => ({ name, rules: redisRules(name, passwords[name], version) }))

/**
 * Rules in the words of ACL SETUSER. They begin from nothing, so that a user who could do more before cannot afterwards, and hold
 * the password's hash, not the password.
 */
export const redisRules = (service: ServiceName, password: string, version: string): readonly string[] => [
  'reset', 'on', `#${createHash('sha256').update(password).digest('hex')}`,
  'resetkeys', ...keyPatterns(service, version),
  'resetchannels', ...[...channelPatterns(service)].map((pattern) => `&${pattern}`),
  ...commandRules(version)
]

const keyPatterns = (service: ServiceName, version: string): string[] => {
  const { own, readOnly } = redisKeys[service]
  const keys = new Set<string>(own)
  for (const { callee, callers } of commands) {
    for (const caller of callers) if (service === caller || service === callee) keys.add(commandListKey(callee, caller))
  }
  for (const job of jobs) if (service === job.producer || service === job.consumer) keys.add(`${queuePrefix(job)}:*`)
  // Redis 6.2 cannot tell reading from writing.
  const read = isAtLeast(version, 7) ? '%R~' : '~'
  return [...[...keys].map((pattern) => `~${pattern}`), ...readOnly.map((pattern) => `${read}${pattern}`)]
}

/** A service hears its own replies only, and speaks only to those who may call it. */
const channelPatterns = (service: ServiceName): Set<string> => {
  const channels = new Set([`reply:${service}:*`])
  for (const { callee, callers } of commands) if (service === callee) for (const caller of callers) channels.add(`reply:${caller}:*`)
  return channels
}

const commandRules = (version: string): string[] => [
  '+@all', '-@admin', '-@dangerous',
  // BullMQ asks for the server's version and policy.
  '+info',
  // These name other services' keys and channels although they touch none; CLIENT TRACKING in broadcast mode does, too.
  '-scan', '-randomkey', '-dbsize', '-pubsub', '-client', '+client|setname', '+client|getname', '+client|id',
  ...(isAtLeast(version, 7, 2) ? ['+client|setinfo'] : []),
  // Scripts run by their text or digest; nobody throws away those of others, or leaves functions behind.
  '-script', '+script|load', '+script|exists',
  ...(isAtLeast(version, 7) ? ['-function', '-fcall', '-fcall_ro'] : [])
]
