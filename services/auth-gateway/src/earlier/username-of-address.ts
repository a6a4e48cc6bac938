/**
 * A name for whoever signs up without one: the local part of the address, as far as usernames allow, and random letters, so that it is
 * free and does not tell which names exist.
 * @param letters of a-z and 0-9
 */
export const usernameOfAddress = (email: string, letters: string): string => {
  const [localPart = ''] = email.split('@')
  return `${localPart.replace(/[^A-Za-z0-9_.-]/g, '').slice(0, 40)}_${letters}`
}
