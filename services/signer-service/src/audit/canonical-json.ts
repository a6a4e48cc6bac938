/** One text for one value, so that its hash is the same wherever it is made (RFC 8785). Total: a row that somebody edited is told, not stumbled over. */

export type CanonicalValue = string | number | boolean | null | readonly CanonicalValue[] | { readonly [name: string]: CanonicalValue }

/** Numbers are spelt as ECMAScript spells them (RFC 8785 §3.2.2.3), which is what JSON.stringify does. */
export function canonicalJson (value: CanonicalValue): string {
  if (value === null || typeof value !== 'object') return JSON.stringify(value)
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(',')}]`
  const fields = Object.entries(value as Readonly<Record<string, CanonicalValue>>).sort(([a], [b]) => a < b ? -1 : 1)
  return `{${fields.map(([name, field]) => `${JSON.stringify(name)}:${canonicalJson(field)}`).join(',')}}`
}
