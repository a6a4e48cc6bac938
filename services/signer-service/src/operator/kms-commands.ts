/** `kms address`: what an account's owner funds before the first deployment, when there is a key and nothing else yet. */
import { createKeyRing } from '@countersign/kms'
import { createLogger, createMetrics, defineEnvironment, readEnvironment, UsageFault, type CliCommand, type EnvironmentSource } from '@countersign/runtime'
import { environment } from '../config.ts'

const { NODE_ENV, ENVIRONMENT, AWS_REGION, AWS_ENDPOINT_URL, KMS_TIMEOUT_MS, KMS_MAX_ATTEMPTS, KMS_KEY_ID } = environment.variables
const kmsEnvironment = defineEnvironment({ NODE_ENV, ENVIRONMENT, AWS_REGION, AWS_ENDPOINT_URL, KMS_TIMEOUT_MS, KMS_MAX_ATTEMPTS, KMS_KEY_ID })

/** @param env `process.env`, read when a command runs */
export const kmsCommands = (env: EnvironmentSource): CliCommand[] => [{
  name: 'kms address',
  description: 'The Ethereum address of a KMS key; needs no database',
  args: [['[key-id]', 'id, ARN or alias (default: KMS_KEY_ID)']],
  run: async ({ args: [given], print, line }) => {
    const values = readEnvironment(kmsEnvironment, env)
    const keyId = given ?? values.KMS_KEY_ID
    if (keyId === undefined) throw new UsageFault('name a key, or set KMS_KEY_ID')
    const who = { service: 'signer-service', sha: 'unknown', environment: values.ENVIRONMENT }
    const keyRing = createKeyRing({
      region: values.AWS_REGION, ...values.AWS_ENDPOINT_URL !== undefined && { endpoint: values.AWS_ENDPOINT_URL },
      timeoutMs: values.KMS_TIMEOUT_MS, maxAttempts: values.KMS_MAX_ATTEMPTS,
      log: createLogger({ ...who, level: 'silent' }), metrics: createMetrics(who)
    })
    try {
      const address = await keyRing.address(keyId)
      print({ key_id: keyId, address }, () => {
        line(`KMS Key ID: ${keyId}`)
        line(`Ethereum Address: ${address}`)
        line('')
        line('IMPORTANT: Fund this address with gas tokens (ETH; POL, once MATIC, on Polygon)')
      })
    } finally {
      keyRing.close()
    }
  }
}]
