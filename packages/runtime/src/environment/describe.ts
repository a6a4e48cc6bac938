/** The manual of an environment, made from its declaration. */
import { Type, type TSchema } from 'typebox'
import { defaultOf, isOptional, type Environment, type Variable } from './variable.ts'

export interface DescribedVariable {
  readonly name: string
  readonly description: string
  /** integer, number, boolean, text, list, json, or the allowed words separated by `|`. */
  readonly type: string
  readonly required: boolean
  readonly secret: boolean
  readonly aliases: readonly string[]
  /** As text, the way it would stand in a file. */
  readonly default?: string
  readonly example?: string
  /** What strict mode adds. */
  readonly production?: 'refused' | 'required' | 'restricted'
}

/** @returns one row per variable in the order of declaration. */
export const describeEnvironment = ({ variables }: Environment): DescribedVariable[] =>
  Object.entries(variables).map(([name, declared]) => describe(name, declared))

function describe (name: string, { schema, form, description, secret, aliases, example, strict, fallback }: Variable): DescribedVariable {
  const value = defaultOf(schema)
  return {
    name,
    description,
    type: form === 'text' ? typeOf(schema) : form,
    required: value === undefined && fallback === undefined && !isOptional(schema),
    secret: secret !== false,
    aliases,
    ...value !== undefined && { default: textOf(value, form) },
    ...example !== undefined && { example },
    ...strict !== undefined && { production: typeof strict === 'function' ? 'restricted' as const : strict }
  }
}

function typeOf (schema: TSchema): string {
  if (Type.IsInteger(schema)) return 'integer'
  if (Type.IsNumber(schema)) return 'number'
  if (Type.IsBoolean(schema)) return 'boolean'
  if (Type.IsLiteral(schema)) return String(schema.const)
  if (Type.IsUnion(schema)) return schema.anyOf.map(typeOf).join('|')
  if (Type.IsEnum(schema)) return schema.enum.join('|')
  return 'text'
}

const textOf = (value: unknown, form: Variable['form']): string =>
  form === 'json' ? JSON.stringify(value) : Array.isArray(value) ? value.join(',') : String(value)
