/** Turns the text of one variable into a value of its schema, or says what is wrong without saying the value. */
import { Type, type TSchema } from 'typebox'
import { Value } from 'typebox/value'
import type { Variable } from './variable.ts'

export type Parsed = { readonly value: unknown } | { readonly fault: string }

const number = /^-?(0|[1-9][0-9]*)(\.[0-9]+)?$/
const booleans: Readonly<Record<string, boolean>> = { true: true, 1: true, false: false, 0: false }

/** @param text not empty. */
export function parseVariable (variable: Variable, text: string): Parsed {
  const { schema, form, caseless } = variable
  const given = caseless === true ? text.toLowerCase() : text
  if (form === 'json') return parseJson(schema, given)
  if (form === 'list') return parseList(schema, given)
  return check(schema, scalar(schema, given))
}

function parseJson (schema: TSchema, text: string): Parsed {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    // V8 quotes the text in its message.
    return { fault: 'is not valid JSON' }
  }
  return check(schema, value)
}

function parseList (schema: TSchema, text: string): Parsed {
  const items = text.split(',').map((item) => item.trim()).filter((item) => item !== '')
  const itemSchema = Type.IsArray(schema) ? schema.items : Type.String()
  return check(schema, items.map((item) => scalar(itemSchema, item)))
}

/** The reading that fits the schema; the text itself goes first, so that a string of digits stays a string. */
function scalar (schema: TSchema, text: string): unknown {
  const readings: unknown[] = [text]
  if (number.test(text) && (text.includes('.') || Number.isSafeInteger(Number(text)))) readings.push(Number(text))
  const boolean = booleans[text.toLowerCase()]
  if (boolean !== undefined) readings.push(boolean)
  const fitting = readings.find((reading) => Value.Check(schema, reading))
  // When nothing fits, the fault should be about the bound, not about the type.
  const wanted = Type.IsInteger(schema) || Type.IsNumber(schema) ? 'number' : 'string'
  return fitting ?? readings.find((reading) => typeof reading === wanted) ?? text
}

function check (schema: TSchema, value: unknown): Parsed {
  if (Value.Check(schema, value)) return { value }
  return { fault: faultOf(schema, value) }
}

/** Schema messages name bounds and patterns; paths are positions in the JSON; neither repeats the value. */
function faultOf (schema: TSchema, value: unknown): string {
  const errors = Value.Errors(schema, value)
  const allowed = errors.flatMap((error) => error.keyword === 'const' ? [String(error.params.allowedValue)]
    : error.keyword === 'enum' ? error.params.allowedValues.map(String) : [])
  if (allowed.length > 0 && errors.every((error) => error.instancePath === '')) return `must be one of ${allowed.join(', ')}`
  const error = errors[0]
  if (error === undefined) return 'does not match its schema'
  return error.instancePath === '' ? error.message : `${error.message} at ${error.instancePath}`
}
