/** What `main.ts` reads from the environment. */

import { seedsFromJson, type Seed } from './seeds.ts'

export interface Settings { host: string, port: number, dataFile?: string, seeds?: Seed[] }

/**
 * PORT (4566), HOST (127.0.0.1), KMS_DATA_FILE, KMS_SEEDS.
 * @throws Error naming the variable, never its value; always when NODE_ENV or ENVIRONMENT is production, since these keys lie in clear
 */
export function readSettings (env: Record<string, string | undefined>): Settings {
  for (const name of ['NODE_ENV', 'ENVIRONMENT']) {
    if (env[name]?.trim().toLowerCase() === 'production') throw new Error(`${name} is production: the KMS emulator keeps private keys in clear and does not start there`)
  }
  const port = Number(env['PORT'] || 4566)
  if (!Number.isInteger(port) || port < 0 || port > 65535) throw new Error('PORT must be a number from 0 to 65535')
  return {
    host: env['HOST'] || '127.0.0.1',
    port,
    ...(env['KMS_DATA_FILE'] ? { dataFile: env['KMS_DATA_FILE'] } : {}),
    ...(env['KMS_SEEDS'] ? { seeds: seedsFromJson(env['KMS_SEEDS']) } : {})
  }
}
