/** Options as the command line gives them. */
import { UsageFault } from '@countersign/runtime'

export const textOption = (options: Readonly<Record<string, unknown>>, name: string): string | undefined =>
  typeof options[name] === 'string' ? options[name] : undefined

/** Of an option that may be given several times or with several values. */
export const textsOption = (options: Readonly<Record<string, unknown>>, name: string): readonly string[] => {
  const given = options[name]
  return Array.isArray(given) ? given.map(String) : typeof given === 'string' ? [given] : []
}

const units: Readonly<Record<string, number>> = { m: 60_000, h: 3_600_000, d: 86_400_000 }

/** @param given `90m`, `12h`, `365d`. @returns milliseconds */
export function ageOption (options: Readonly<Record<string, unknown>>, name: string, flag: string): number | undefined {
  const given = textOption(options, name)
  if (given === undefined) return undefined
  const [, count = '', unit = ''] = /^([1-9][0-9]{0,5})([mhd])$/.exec(given) ?? []
  if (count === '') throw new UsageFault(`${flag} is a number with m, h or d behind it, as in 365d`)
  return Number(count) * (units[unit] ?? 0)
}

/** @returns the smallest unit of a coin or token */
export function amountOption (options: Readonly<Record<string, unknown>>, name: string, flag: string): bigint | undefined {
  const given = textOption(options, name)
  if (given === undefined) return undefined
  if (!/^(0|[1-9][0-9]{0,77})$/.test(given)) throw new UsageFault(`${flag} is a whole number of the smallest unit (wei)`)
  return BigInt(given)
}
