/** The text that a person reads before confirming. Deterministic: its SHA-256 is part of the receipt. */

export interface ConfirmedAction {
  readonly txId: string
  readonly initiator: string
  readonly walletName: string
  readonly from: string
  readonly to: string
  readonly value: bigint
  readonly chainId: number
  readonly symbol: string
  readonly maxFeeTotal: bigint
  readonly validUntil: Date
}

const decimals = 18

/** Amounts stand in whole coins and in the smallest unit: a misplaced decimal point shows in one of them. */
export const confirmationText = ({ txId, initiator, walletName, from, to, value, chainId, symbol, maxFeeTotal, validUntil }: ConfirmedAction): string => [
  `Send ${inCoins(value)} ${symbol} (${value} wei)`,
  `To: ${to}`,
  `From: wallet ${walletName} (${from})`,
  `Chain: ${chainId}`,
  `Network fee: at most ${inCoins(maxFeeTotal)} ${symbol} (${maxFeeTotal} wei)`,
  `Asked by: ${initiator}`,
  `Transaction: ${txId}`,
  `Valid until: ${validUntil.toISOString().replace('.000Z', 'Z')}`
].join('\n')

/** @returns exact decimal notation, no rounding, no exponent, no thousands separators. */
export function inCoins (wei: bigint): string {
  const digits = wei.toString().padStart(decimals + 1, '0')
  const fraction = digits.slice(-decimals).replace(/0+$/, '')
  return `${digits.slice(0, -decimals)}${fraction === '' ? '' : `.${fraction}`}`
}
