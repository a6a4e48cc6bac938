/** A daily window in UTC or in a named zone. Which moment it is, the database says. */
import type { Hours } from '@countersign/contracts'

export type WithinHours = (at: Date) => boolean

const minutesOf = (time: string): number => Number(time.slice(0, 2)) * 60 + Number(time.slice(3))
const weekdays = ['Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat', 'Sun']

export const isKnownZone = (zone: string): boolean => {
  try {
    formatOf(zone)
    return true
  } catch {
    return false
  }
}

export function compileHours ({ from, until, zone = 'UTC', days }: Hours): WithinHours {
  const format = formatOf(zone)
  const [first, end] = [minutesOf(from), minutesOf(until)]
  let known: { readonly minute: number, readonly within: boolean } | undefined
  return (at) => {
    // Formatting costs more than all the rest of a decision, and the answer stays the same for a minute.
    const minute = Math.floor(at.getTime() / 60_000)
    if (known?.minute !== minute) {
      const parts = new Map(format.formatToParts(at).map(({ type, value }) => [type, value]))
      const now = Number(parts.get('hour')) * 60 + Number(parts.get('minute'))
      const day = weekdays.indexOf(parts.get('weekday') ?? '') + 1
      const inTime = first < end ? now >= first && now < end : now >= first || now < end
      known = { minute, within: inTime && (days === undefined || days.includes(day)) }
    }
    return known.within
  }
}

const formatOf = (zone: string): Intl.DateTimeFormat =>
  new Intl.DateTimeFormat('en-US', { timeZone: zone, weekday: 'short', hour: '2-digit', minute: '2-digit', hourCycle: 'h23' })
