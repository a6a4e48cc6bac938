/** Text messages go to the countries that an operator named, and to no others: each one costs, and some numbers earn by being sent them. */
import { isPhoneNumber, Problem, problems } from '@countersign/contracts'
import { callingCodes, placeOf } from './calling-codes.ts'

/** Mail addresses pass. @throws Problem numberNotServed */
export type AdmitAddress = (address: string) => void

/** @param served SMS_COUNTRIES: ISO 3166-1 codes and `+` with a calling code; none: no text messages at all */
export function createAdmitNumber (served: readonly string[]): AdmitAddress {
  const wanted = new Set(served)
  return (address) => {
    if (!isPhoneNumber(address)) return
    if (wanted.size === 0) throw new Problem(problems.numberNotServed, { detail: 'This service sends no text messages. Choose another factor.' })
    const place = placeOf(address)
    if (place === undefined || !(wanted.has(`+${place.code}`) || place.countries.some((country) => wanted.has(country)))) throw new Problem(problems.numberNotServed)
  }
}

/** @returns those that name no place, for the check of the configuration */
export function unknownCountries (served: readonly string[]): string[] {
  const known = new Set([...callingCodes].flatMap(([code, countries]) => [`+${code}`, ...countries]))
  return served.filter((country) => !known.has(country))
}
