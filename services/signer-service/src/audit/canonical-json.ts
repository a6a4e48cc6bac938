/** One text for one value, so that its hash is the same wherever it is made: RFC 8785 for what audit rows are made of. */

export type CanonicalValue = string | number | boolean | null | readonly CanonicalValue[] | { readonly [name: string]: CanonicalValue }

/** @throws TypeError for a number that is no safe integer: its spelling would depend on who writes it */
export function canonicalJson (value: CanonicalValue): string {
  if (typeof value === 'number' && !Number.isSafeInteger(value)) throw new TypeError('only safe integers have one spelling')
  if (value === null || typeof value !== 'object') return JSON.stringify(value)
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(',')}]`
  const fields = Object.entries(value as Readonly<Record<string, CanonicalValue>>).sort(([a], [b]) => a < b ? -1 : 1)
  return `{${fields.map(([name, field]) => `${JSON.stringify(name)}:${canonicalJson(field)}`).join(',')}}`
}
