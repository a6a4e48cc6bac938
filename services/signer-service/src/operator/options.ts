/** Options as the command line gives them. */

export const textOption = (options: Readonly<Record<string, unknown>>, name: string): string | undefined =>
  typeof options[name] === 'string' ? options[name] : undefined

/** Of an option that may be given several times or with several values. */
export const textsOption = (options: Readonly<Record<string, unknown>>, name: string): readonly string[] => {
  const given = options[name]
  return Array.isArray(given) ? given.map(String) : typeof given === 'string' ? [given] : []
}
