/** The action in the one line that a text message has room for. Whole, or not at all: nothing of it is shortened. */
import { inSeconds, inUnits, tokenAmount, type ConfirmedAction } from './confirmation-text.ts'

/** As `SmsContent` takes it. */
const line = /^[ -~]{1,400}$/

/** Its random end, by which two transactions of one kind are told apart. */
const shownOfId = 8

/** @returns undefined where no line says it, as of a contract call or a batch: then no text message confirms it. */
export function shortConfirmationText ({ txId, walletName, kind, calls, chainId, symbol, tokens, maxFeeTotal, validUntil }: ConfirmedAction): string | undefined {
  const [call] = calls
  const said = call === undefined || kind === 'batch'
    ? undefined
    : call.data === '0x'
      ? `${inUnits(call.value, 18)} ${symbol} to ${call.to}`
      : call.movement?.kind === 'transfer' && call.value === 0n ? `${tokenAmount(call.movement, tokens)} to ${call.movement.destination}` : undefined
  if (said === undefined) return undefined
  const text = `Send ${said} on chain ${chainId} from wallet ${walletName}, fee at most ${inUnits(maxFeeTotal, 18)} ${symbol}, until ${inSeconds(validUntil)}, tx ..${txId.slice(-shownOfId)}`
  return line.test(text) ? text : undefined
}
