/** Schemas compiled once per process; what is wrong is told as paths and rules, never as values. */
import type { Static, TSchema } from 'typebox'
import { Compile, type Validator } from 'typebox/compile'

export interface ContractCheck<T> {
  readonly accepts: (value: unknown) => value is T
  /** Such as `/request/code must match pattern "^[0-9]{6}$"`; at most five. */
  readonly faults: (value: unknown) => string[]
}

const compiled = new WeakMap<TSchema, ContractCheck<never>>()

export const checkOf = <S extends TSchema>(schema: S): ContractCheck<Static<S>> => {
  const known = compiled.get(schema)
  if (known !== undefined) return known
  const validator: Validator = Compile(schema)
  const check = {
    accepts: (value: unknown): value is never => validator.Check(value),
    // An unknown key is told by its parent; by itself it would bring a name that the sender chose into errors and logs.
    faults: (value: unknown) => validator.Errors(value).filter(({ keyword }) => keyword !== 'boolean').slice(0, 5)
      .map(({ instancePath, message }) => `${instancePath || '/'} ${message}`)
  }
  compiled.set(schema, check)
  return check
}
