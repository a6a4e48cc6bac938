/** A credential as it must not be taken: cut at either end, longer, or with one bit turned over. */
export function alteredFormsOf (text: string): string[] {
  const flipped = Array.from({ length: text.length * 7 }, (_unused, bit) => {
    const bytes = Buffer.from(text, 'latin1')
    const at = Math.floor(bit / 7)
    bytes[at] = (bytes[at] ?? 0) ^ (1 << bit % 7)
    return bytes.toString('latin1')
  })
  const cuts = Array.from(text, (_character, index) => [text.slice(0, index), text.slice(index + 1)]).flat().filter((cut) => cut !== '')
  return [...flipped, ...cuts, `${text}A`, `${text}0`, `${text}=`, `${text}.`, ` ${text}`, `${text} `, text.toUpperCase(), `${text},${text}`].filter((form) => form !== text)
}

/** Those that fit into a header as they are. */
export const fitsHeader = (text: string): boolean => /^[!-~]+$/.test(text)

/** How many of them are let in. */
export async function countAccepted (forms: readonly string[], isIn: (form: string) => Promise<boolean>): Promise<number> {
  let accepted = 0
  for (let from = 0; from < forms.length; from += 25) {
    const answers = await Promise.all(forms.slice(from, from + 25).map(isIn))
    accepted += answers.filter(Boolean).length
  }
  return accepted
}
