/** Reads an operator's template folder: `theme.json`, `texts.json`, `logo.png` or `logo.jpg`, each of them optional. */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Type, type TSchema, type Static } from 'typebox'
import { Value } from 'typebox/value'
import { faultOfTexts } from './catalogue.ts'
import { faultOfColours, plainLook, Theme, type Logo, type Look } from './look.ts'

const TextsFile = Type.Record(Type.String(), Type.String({ minLength: 1, maxLength: 2_000, pattern: '^[^\\u0000-\\u001f\\u007f-\\u009f\\u2028-\\u202e\\u2066-\\u2069]+$' }))

/** Every mail carries it. */
const largestLogo = 100_000
const usualLogoWidth = 160

const logos = [
  { name: 'logo.png', type: 'image/png', begins: Buffer.from('89504e470d0a1a0a', 'hex') },
  { name: 'logo.jpg', type: 'image/jpeg', begins: Buffer.from('ffd8ff', 'hex') }
] as const

/**
 * @param folder MAIL_TEMPLATE_DIR; undefined for the plain look
 * @throws Error that names the file and its fault
 */
export async function readTemplateFolder (folder: string | undefined): Promise<Look> {
  if (folder === undefined) return plainLook
  const [theme, texts] = await Promise.all([readJson(folder, 'theme.json', Theme), readJson(folder, 'texts.json', TextsFile)])
  const fault = faultOfTexts(texts ?? {})
  if (fault !== undefined) throw new Error(`MAIL_TEMPLATE_DIR: texts.json: ${fault}`)
  const [light, dark] = [{ ...plainLook.light, ...theme?.light }, { ...plainLook.dark, ...theme?.dark }]
  for (const [scheme, colours] of Object.entries({ light, dark })) {
    const fault = faultOfColours(colours)
    if (fault !== undefined) throw new Error(`MAIL_TEMPLATE_DIR: theme.json: ${scheme}: ${fault}`)
  }
  const logo = await readLogo(folder, theme?.logo_width ?? usualLogoWidth)
  return {
    light,
    dark,
    ...logo !== undefined && { logo },
    texts: texts ?? {}
  }
}

async function readJson<S extends TSchema> (folder: string, name: string, schema: S): Promise<Static<S> | undefined> {
  const content = await readIfThere(folder, name)
  if (content === undefined) return undefined
  let value: unknown
  try {
    value = JSON.parse(content.toString('utf8'))
  } catch {
    throw new Error(`MAIL_TEMPLATE_DIR: ${name} is no JSON`)
  }
  if (Value.Check(schema, value)) return value
  const [first] = Value.Errors(schema, value)
  throw new Error(`MAIL_TEMPLATE_DIR: ${name}: ${first?.instancePath ?? ''} ${first?.message ?? 'is wrong'}`)
}

async function readLogo (folder: string, width: number): Promise<Logo | undefined> {
  for (const { name, type, begins } of logos) {
    const content = await readIfThere(folder, name)
    if (content === undefined) continue
    if (content.length > largestLogo) throw new Error(`MAIL_TEMPLATE_DIR: ${name} is larger than ${largestLogo} bytes`)
    if (!content.subarray(0, begins.length).equals(begins)) throw new Error(`MAIL_TEMPLATE_DIR: ${name} is no ${type}`)
    return { content, type, width }
  }
  return undefined
}

async function readIfThere (folder: string, name: string): Promise<Buffer | undefined> {
  try {
    return await readFile(join(folder, name))
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw new Error(`MAIL_TEMPLATE_DIR: ${name} cannot be read`, { cause: error })
    return undefined
  }
}
