/** The action in the one line that a text message has room for. Whole, or not at all: nothing of it is shortened. */
import { inCoins, type ConfirmedAction } from './confirmation-text.ts'

/** As `SmsContent` takes it. */
const line = /^[ -~]{1,400}$/

/** @returns undefined where no line says it: then no text message confirms it. */
export function shortConfirmationText ({ walletName, to, value, chainId, symbol, maxFeeTotal }: ConfirmedAction): string | undefined {
  const text = `Send ${inCoins(value)} ${symbol} to ${to} on chain ${chainId} from wallet ${walletName}, fee at most ${inCoins(maxFeeTotal)} ${symbol}`
  return line.test(text) ? text : undefined
}
