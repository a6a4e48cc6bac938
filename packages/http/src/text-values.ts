/** Query strings and paths hold text only. What a schema wants as a number or a boolean is read strictly: no `1e3`, no `0x10`, no blanks. */
import type { TSchema } from 'typebox'

interface SchemaView {
  readonly type?: string
  readonly properties?: Readonly<Record<string, SchemaView>>
  readonly items?: SchemaView
  readonly anyOf?: readonly SchemaView[]
  readonly default?: unknown
}

/** @returns a copy with typed values and the schema's defaults; what cannot be read stays text and fails the schema */
export const typedFromText = (schema: TSchema, raw: unknown): unknown => {
  const { properties = {} } = schema as SchemaView
  const given = raw as Readonly<Record<string, unknown>>
  const typed: Record<string, unknown> = { ...given }
  for (const [name, view] of Object.entries(properties)) {
    const value = given[name]
    if (value === undefined) {
      if (view.default !== undefined) typed[name] = view.default
    } else {
      typed[name] = typedValue(view, value)
    }
  }
  return typed
}

function typedValue (schema: SchemaView, value: unknown): unknown {
  if (schema.type === 'array') {
    const values: unknown[] = Array.isArray(value) ? value : [value]
    return values.map((item) => typedValue(schema.items ?? {}, item))
  }
  return typeof value === 'string' ? readText(schema, value) : value
}

function readText (schema: SchemaView, text: string): unknown {
  switch (schema.type) {
    case 'integer': return /^-?(0|[1-9][0-9]{0,15})$/.test(text) ? Number(text) : text
    case 'number': return /^-?(0|[1-9][0-9]{0,15})(\.[0-9]{1,15})?$/.test(text) ? Number(text) : text
    case 'boolean': return text === 'true' ? true : text === 'false' ? false : text
    default: return schema.anyOf?.map((branch) => readText(branch, text)).find((value) => value !== text) ?? text
  }
}
