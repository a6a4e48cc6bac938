/** First character, first character of the domain, last label: `a***@e***.com`. Nothing more is ever shown or logged. Empty for no address. */
export function maskAddress (address: string | null): string {
  if (address === null) return ''
  const at = address.lastIndexOf('@')
  const domain = address.slice(at + 1)
  return `${address.charAt(0)}***@${domain.charAt(0)}***.${domain.slice(domain.lastIndexOf('.') + 1)}`
}
