/** A variable of the environment is declared once; that declaration reads, checks, documents and generates it. */
import { Type, type Static, type TObject, type TSchema } from 'typebox'

/** How the text of a variable becomes a value: as one scalar, as a comma list, or as JSON. */
export type VariableForm = 'text' | 'list' | 'json'

/**
 * - `true`: a secret of ours, made of random characters: its strength is measured.
 * - `'issued'`: chosen by somebody else (a mail provider): only placeholders are recognised.
 */
export type Secrecy = boolean | 'issued'

/**
 * What strict mode adds: the variable must not be set, or must be set, or its value may be refused with a reason
 * (a predicate's text, which follows the variable's name and never holds the value).
 */
export type StrictRule<Value> = 'refused' | 'required' | ((value: Value) => string | undefined)

export interface VariableOptions<Value> {
  /** One sentence for `.env.example`: what it is, in which unit. */
  readonly description: string
  readonly secret?: Secrecy
  /** Names of earlier systems. Set together with the canonical name they must agree. */
  readonly aliases?: readonly string[]
  readonly strict?: StrictRule<Value>
  /** The value is lower-cased before it is checked. */
  readonly caseless?: boolean
  /** Shown by `.env.example` when there is no default. */
  readonly example?: string
  /** Makes a fresh value for `env init`. */
  readonly generate?: () => string | Promise<string>
  /** The value when neither the name nor an alias is set, taken from the rest of the environment. Text, read like any other. */
  readonly fallback?: (env: EnvironmentSource) => string | undefined
}

export interface Variable<S extends TSchema = TSchema> extends Omit<VariableOptions<never>, 'secret' | 'aliases'> {
  readonly schema: S
  readonly form: VariableForm
  readonly secret: Secrecy
  readonly aliases: readonly string[]
}

/** The shape of `process.env`. */
export type EnvironmentSource = Readonly<Record<string, string | undefined>>

export type Variables = Readonly<Record<string, Variable>>

export type Values<V extends Variables> = Static<TObject<{ [Name in keyof V]: V[Name]['schema'] }>>

/** A rule over several variables, asked once each of them is right by itself. Returns the fault, without any value. */
export type EnvironmentRule<V extends Variables> =
  (values: Readonly<Values<V>>, strict: boolean) => { readonly name: keyof V & string, readonly fault: string } | undefined

export interface Environment<V extends Variables = Variables> {
  readonly variables: V
  /** They see the values of these variables; the type is widened so that any environment can be inspected alike. */
  readonly rules: readonly EnvironmentRule<Variables>[]
}

const declare = <S extends TSchema>(form: VariableForm, schema: S, options: VariableOptions<Static<S>>): Variable<S> =>
  Object.freeze({ secret: false, aliases: [], ...options, schema, form })

/** A scalar. Numbers and booleans (`true`, `false`, `1`, `0`) are read from text; an optional schema may stay absent. */
export const variable = <S extends TSchema>(schema: S, options: VariableOptions<Static<S>>): Variable<S> =>
  declare('text', schema, options)

/** A comma-separated list, checked by an array schema; blanks around items and empty items are dropped. */
export const listVariable = <S extends TSchema>(schema: S, options: VariableOptions<Static<S>>): Variable<S> =>
  declare('list', schema, options)

/** A JSON text (chains, key sets), checked by its schema as it is: nothing is coerced inside. */
export const jsonVariable = <S extends TSchema>(schema: S, options: VariableOptions<Static<S>>): Variable<S> =>
  declare('json', schema, options)

/**
 * Names the variables that one process reads.
 * @throws Error when two of them share a name or an alias, or a secret has a default: both are mistakes of the programmer.
 */
export function defineEnvironment<const V extends Variables> (variables: V, rules: readonly EnvironmentRule<V>[] = []): Environment<V> {
  const owners = new Map<string, string>()
  for (const [name, { aliases, secret, schema }] of Object.entries(variables)) {
    for (const known of [name, ...aliases]) {
      const owner = owners.get(known)
      if (owner !== undefined) throw new Error(`${known} is declared by ${owner} and by ${name}`)
      owners.set(known, name)
    }
    if (secret !== false && defaultOf(schema) !== undefined) throw new Error(`${name} is a secret and must have no default`)
  }
  return Object.freeze({ variables, rules: rules as readonly EnvironmentRule<never>[] as readonly EnvironmentRule<Variables>[] })
}

/** @returns the default that the schema declares, or undefined. */
export const defaultOf = (schema: TSchema): unknown => (schema as { default?: unknown }).default

/** @returns whether the variable may stay absent. */
export const isOptional = (schema: TSchema): boolean => Type.IsOptional(schema)
