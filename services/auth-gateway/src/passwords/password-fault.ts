/** What a new password must not be. Length and guessability alone: rules about kinds of characters make worse passwords (NIST SP 800-63B §5.1.1.2). */
import { commonPasswords } from './common-passwords.ts'
import { normalisePassword } from './password-text.ts'

export interface PasswordOwner {
  readonly email?: string
  readonly username?: string
}

const shortest = 8
const longest = 128
const loneSurrogate = /\p{Surrogate}/u
const repeatedPiece = /^(.{1,4})\1+$/su

let common: ReadonlySet<string> | undefined
/** Split at the first question, not when the process starts. */
const isCommon = (lowered: string): boolean => (common ??= new Set(commonPasswords.trim().split(/\s+/))).has(lowered)

/** @returns what is wrong with the password, for its owner to read and without repeating it; undefined when nothing is */
export function passwordFault (password: string, owner: PasswordOwner): string | undefined {
  // UTF-8 has no form for half a pair: two such passwords would share one hash.
  if (loneSurrogate.test(password)) return 'must be text'
  const normal = normalisePassword(password)
  // Both ways of counting: eight keystrokes that compose four letters are four, and one ligature that is taken apart is still one.
  const [typed, hashed] = [codePointsIn(password), codePointsIn(normal)]
  if (Math.min(typed, hashed) < shortest) return `must have at least ${shortest} characters`
  if (Math.max(typed, hashed) > longest) return `must have at most ${longest} characters`

  const lowered = normal.toLowerCase()
  if (isCommon(lowered) || repeatedPiece.test(lowered)) return 'is among those that are tried first'
  if (namesOf(owner).some((name) => withoutDigits(name) === withoutDigits(lowered))) return 'must not be your name or address'
  return undefined
}

const codePointsIn = (text: string): number => [...text].length

function namesOf ({ email = '', username = '' }: PasswordOwner): string[] {
  const [localPart = ''] = email.split('@')
  return [email, localPart, username].filter((name) => name !== '').map((name) => normalisePassword(name).toLowerCase())
}

/** Without the year or the 123 at the end; what has nothing else stays as it is. */
const withoutDigits = (text: string): string => text.replace(/(?<=\D)\d+$/, '')
