/** What an authenticator app reads: a URI, and the same as a picture. */
import encodeQR from 'qr'

export interface TotpLabel {
  /** Of this house. */
  readonly issuer: string
  readonly account: string
  /** Base32. */
  readonly secret: string
}

/** The parameters are the defaults of every app; some insist on finding them. Spaces are %20: apps show a plus sign as it is. */
export function totpUri ({ issuer, account, secret }: TotpLabel): string {
  const [brand, user] = [encodeURIComponent(issuer), encodeURIComponent(account)]
  return `otpauth://totp/${brand}:${user}?secret=${secret}&issuer=${brand}&algorithm=SHA1&digits=6&period=30`
}

/** @returns an SVG image. */
export const qrCode = (uri: string): string => encodeQR(uri, 'svg', { ecc: 'medium' })
