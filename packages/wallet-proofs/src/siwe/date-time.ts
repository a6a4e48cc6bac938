/** RFC 3339 date-times that name a real moment of the calendar. */

const DATE_TIME = /^([0-9]{4})-([0-9]{2})-([0-9]{2})[Tt]([0-9]{2}):([0-9]{2}):([0-9]{2})(?:\.[0-9]+)?(?:[Zz]|[+-]([0-9]{2}):([0-9]{2}))$/

/**
 * True only for what `Date.parse` reads as the moment written: a caller that compares times cannot meet NaN (fails open)
 * or 30 February turned into 2 March. Second 60 is refused: RFC 3339 allows it in announced leap seconds only (§5.7),
 * JavaScript cannot represent one.
 */
export function isDateTime (text: string): boolean {
  const parts = DATE_TIME.exec(text)
  if (parts === null) return false
  const [year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0, offsetHour = 0, offsetMinute = 0] =
    parts.slice(1).map((part: string | undefined) => Number(part ?? 0))

  return month >= 1 && month <= 12 && day >= 1 && day <= daysIn(year, month) &&
    hour <= 23 && minute <= 59 && second <= 59 && offsetHour <= 23 && offsetMinute <= 59
}

function daysIn (year: number, month: number): number {
  if (month === 2) return year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0) ? 29 : 28
  return [4, 6, 9, 11].includes(month) ? 30 : 31
}
