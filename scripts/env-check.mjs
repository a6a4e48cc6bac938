// The environment that docker-compose.yml would give each service out of a .env file.
import { existsSync, readFileSync } from 'node:fs'
import { parseEnv } from 'node:util'
import { parse } from 'yaml'
import { root } from './process.mjs'

/** Compose's own rules for the forms that the file uses: ${X}, ${X:-default}, ${X-default}, ${X:?message}. */
const filled = (text, values) => String(text).replaceAll(/\$\{([A-Z0-9_]+)(?:(:?[-?])([^}]*))?\}/g, (_all, name, operator, rest) => {
  const value = values[name]
  const absent = value === undefined || (operator?.startsWith(':') && value === '')
  return absent ? (operator?.endsWith('-') ? rest : '') : value
})

/** @returns the environment by service, or undefined when there is no such file. */
export function composeEnvironment (file = '.env') {
  const path = file.startsWith('/') ? file : root + file
  if (!existsSync(path)) return undefined
  const values = parseEnv(readFileSync(path, 'utf8'))
  const { services } = parse(readFileSync(`${root}docker-compose.yml`, 'utf8'), { merge: true })
  return (service) => Object.fromEntries(Object.entries(services[service].environment).map(([name, text]) => [name, filled(text, values)]))
}
