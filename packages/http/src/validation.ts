/** Requests against their schema, compiled once per route. Bodies are taken as they are; query and path are text and get typed. */
import { Problem, problems, type ProblemExtensions } from '@countersign/contracts'
import type { FastifySchemaCompiler } from 'fastify'
import type { TSchema } from 'typebox'
import { Compile, type Validator } from 'typebox/compile'
import type { TLocalizedValidationError } from 'typebox/error'
import { typedFromText } from './text-values.ts'

type Faults = NonNullable<ProblemExtensions['faults']>

const partNames: Readonly<Record<string, string>> = { body: 'body', querystring: 'query', params: 'params', headers: 'headers' }
const longestName = 64
const longestPath = 200
const longestMessage = 300
const mostFaults = 20

/** @throws at registration when a schema cannot be compiled; the validator itself answers with a Problem, never with the value */
export const compileValidator: FastifySchemaCompiler<TSchema> = ({ schema, httpPart = 'body' }) => {
  const validator: Validator = Compile(schema)
  const part = partNames[httpPart] ?? httpPart
  const isText = part === 'query' || part === 'params'
  const mayBeLeftOut = part === 'body' && allOptional(schema)

  return (raw: unknown) => {
    const value = isText ? typedFromText(schema, raw) : mayBeLeftOut && raw === null ? {} : raw
    if (validator.Check(value)) return { value }
    return { error: new Problem(problems.schemaViolation, { faults: faultsOf(part, validator.Errors(value)) }) }
  }
}

/** A request without a body says as much as one with an empty object. */
const allOptional = (schema: TSchema): boolean => ((schema as { readonly required?: readonly string[] }).required ?? []).length === 0

function faultsOf (part: string, errors: readonly TLocalizedValidationError[]): Faults {
  const faults = new Map<string, string>()
  for (const error of errors) {
    for (const [path, message] of faultsOfError(error)) {
      if (faults.size < mostFaults && !faults.has(path)) faults.set(path, message)
    }
  }
  return [...faults].map(([path, message]) => ({ path: `${part}${path}`, message }))
}

function faultsOfError (error: TLocalizedValidationError): [string, string][] {
  const below = (name: string): string => `${error.instancePath}/${escapePointer(name)}`
  if (error.keyword === 'required') return error.params.requiredProperties.map((name) => [below(name), 'is required'])
  if (error.keyword === 'additionalProperties') return error.params.additionalProperties.map((name) => [below(name), 'is not a known field'])
  return [[error.instancePath.slice(0, longestPath), plainMessages[error.keyword] ?? error.message.slice(0, longestMessage)]]
}

/** Where the validator's own words speak of the schema's insides. */
const plainMessages: Readonly<Record<string, string>> = {
  // `additionalProperties: false` in nested objects is told as a schema `false` at the unknown field.
  boolean: 'is not a known field',
  const: 'is not one of the allowed values',
  anyOf: 'is not one of the allowed values',
  enum: 'is not one of the allowed values'
}

/** A field's name comes from the caller too: bounded, and escaped as RFC 6901 says. */
const escapePointer = (name: string): string => name.slice(0, longestName).replaceAll('~', '~0').replaceAll('/', '~1')
