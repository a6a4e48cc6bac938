/** Calling codes by their length, ITU-T E.164: those of one and of two digits; all others have three. */
const callingCode = /^\+(?:1|7|2[07]|3[0-469]|4[013-9]|5[1-8]|6[0-6]|8[1246]|9[0-58]|[0-9]{3})/

/** An address without an @ is a telephone number. */
export const isPhoneNumber = (address: string): boolean => !address.includes('@')

/**
 * Of a mail address the first character, the first one of the domain, and the last label: `a***@e***.com`. Of a telephone number the calling
 * code and the last two digits: `+41…••12`. Nothing more is ever shown or logged. Empty for no address.
 */
export function maskAddress (address: string | null): string {
  if (address === null) return ''
  if (isPhoneNumber(address)) return `${callingCode.exec(address)?.[0] ?? ''}…••${address.slice(-2)}`
  const at = address.lastIndexOf('@')
  const domain = address.slice(at + 1)
  return `${address.charAt(0)}***@${domain.charAt(0)}***.${domain.slice(domain.lastIndexOf('.') + 1)}`
}
