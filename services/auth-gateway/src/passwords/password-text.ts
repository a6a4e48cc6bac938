/** One password, however a keyboard composes it. */

/**
 * The form that is hashed and compared: NFKC (UAX #15), as NIST SP 800-63B §5.1.1.2 has it, since the same letter typed on two
 * systems may be one code point or two.
 */
export const normalisePassword = (password: string): string => password.normalize('NFKC')
