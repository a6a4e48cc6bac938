/** The text of a `.env` file for one or several services. Writes nothing itself. */
import { describeEnvironment, type DescribedVariable } from './describe.ts'
import type { Environment } from './variable.ts'

export interface EnvironmentSection {
  /** Usually the service's name. */
  readonly title: string
  readonly environment: Environment
}

export interface EnvironmentFileOptions {
  /** `fresh` asks each variable's `generate`; `blank` (for `.env.example`) leaves secrets empty. */
  readonly secrets: 'fresh' | 'blank'
  /** Values that the caller knows, such as the public half of a key pair; they win over everything else. */
  readonly values?: Readonly<Record<string, string>>
}

/**
 * Each variable appears once, under the first section that reads it. What has a default stands there commented out.
 * @returns text that `node --env-file`, Docker Compose and a POSIX shell read alike.
 * @throws Error when a value holds a line break or an apostrophe, which these three read differently.
 */
export async function generateEnvironmentFile (sections: readonly EnvironmentSection[], { secrets, values = {} }: EnvironmentFileOptions): Promise<string> {
  const lines: string[] = []
  const seen = new Set<string>()
  for (const { title, environment } of sections) {
    const rows = describeEnvironment(environment).filter(({ name }) => !seen.has(name))
    if (rows.length > 0) lines.push(`# --- ${title} ---`, '')
    for (const row of rows) {
      seen.add(row.name)
      const fresh = secrets === 'fresh' ? await environment.variables[row.name]?.generate?.() : undefined
      lines.push(...describeLines(row, readersOf(row.name, sections)), assignment(row, values[row.name] ?? fresh), '')
    }
  }
  return lines.join('\n')
}

function describeLines ({ description, type, required, aliases, production }: DescribedVariable, readers: readonly string[]): string[] {
  const facts = [
    required ? 'required' : 'optional', type,
    ...aliases.length > 0 ? [`also read as ${aliases.join(', ')}`] : [],
    ...production !== undefined ? [`${production} in production`] : []
  ]
  return [`# ${description.replaceAll('\n', ' ')}`, `# (${facts.join('; ')}; read by ${readers.join(', ')})`]
}

function assignment ({ name, default: initial, example, required, secret }: DescribedVariable, value: string | undefined): string {
  if (value !== undefined) return `${name}=${quoted(name, value)}`
  const shown = initial ?? (secret ? '' : example ?? '')
  return `${required ? '' : '# '}${name}=${quoted(name, shown)}`
}

const readersOf = (name: string, sections: readonly EnvironmentSection[]): string[] =>
  sections.filter(({ environment }) => Object.hasOwn(environment.variables, name)).map(({ title }) => title)

/** Apostrophes keep `$`, `#`, blanks and quotation marks as they are in all three readers. */
function quoted (name: string, value: string): string {
  if (/^[A-Za-z0-9_.:/@,+=-]*$/.test(value)) return value
  if (/['\n\r]/.test(value)) throw new Error(`the value of ${name} holds an apostrophe or a line break and cannot stand in an environment file`)
  return `'${value}'`
}
