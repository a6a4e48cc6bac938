/** The earlier OTP system's monthly report, in its words. A code belongs to the month in which it was asked for. */
import type { Tally } from './tally.ts'

export interface MonthlyReport {
  readonly period: string
  readonly otpGenerated: number
  readonly otpVerified: number
  /** Ended without a right answer. */
  readonly otpFailed: number
  /** May still be answered: neither a success nor a failure. */
  readonly otpPending: number
  /** Of those that ended; `-` when none did. */
  readonly successRate: string
  readonly avgVerificationTime: string
  /** The hour of the day in which most were asked for. */
  readonly peakUsageTime: string
  readonly issues: readonly string[]
  readonly byPurpose: Readonly<Record<string, { readonly generated: number, readonly verified: number }>>
}

const wantedPercent = 90

/** @returns the first instant of that month and of the next; undefined for a text that is none */
export function monthOf (text: string): { readonly from: Date, readonly to: Date } | undefined {
  const [, year, month] = /^(\d{4})-(0[1-9]|1[0-2])$/.exec(text) ?? []
  if (year === undefined || month === undefined) return undefined
  return { from: new Date(Date.UTC(Number(year), Number(month) - 1)), to: new Date(Date.UTC(Number(year), Number(month))) }
}

export function monthlyReport ({ from, to }: { readonly from: Date, readonly to: Date }, tallies: readonly Tally[]): MonthlyReport {
  const sum = (field: 'generated' | 'verified' | 'pending' | 'verifyMs', of = tallies): number => of.reduce((total, one) => total + one[field], 0)
  const [generated, verified, pending] = [sum('generated'), sum('verified'), sum('pending')]
  const ended = generated - pending
  const percent = verified / ended * 100
  return {
    period: `${from.toISOString()} to ${to.toISOString()}`,
    otpGenerated: generated,
    otpVerified: verified,
    otpFailed: ended - verified,
    otpPending: pending,
    successRate: ended === 0 ? '-' : `${percent.toFixed(2)}%`,
    avgVerificationTime: verified === 0 ? '-' : `${(sum('verifyMs') / verified / 1_000).toFixed(1)} s`,
    peakUsageTime: peakOf(tallies),
    issues: ended > 0 && percent < wantedPercent ? ['Low verification success rate'] : [],
    byPurpose: Object.fromEntries([...new Set(tallies.map(({ purpose }) => purpose))].sort().map((purpose) => {
      const own = tallies.filter((one) => one.purpose === purpose)
      return [purpose, { generated: sum('generated', own), verified: sum('verified', own) }]
    }))
  }
}

function peakOf (tallies: readonly Tally[]): string {
  const hours = Array.from({ length: 24 }, (_, hour) => tallies.reduce((total, one) => total + (one.hours[hour] ?? 0), 0))
  const most = Math.max(...hours)
  if (most === 0) return '-'
  const two = (hour: number): string => String(hour).padStart(2, '0')
  const peak = hours.indexOf(most)
  return `${two(peak)}:00 to ${two((peak + 1) % 24)}:00 UTC`
}
