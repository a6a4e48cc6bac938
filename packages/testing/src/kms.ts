import { startKmsEmulator, type KmsEmulator, type KmsEmulatorOptions } from '@countersign/kms-emulator'
import type { TestContext } from './test-context.ts'

/** The KMS protocol on a free port, in this process: its fault switches are at hand. */
export const startKms = async (t: TestContext, options: Pick<KmsEmulatorOptions, 'seeds' | 'dataFile' | 'region'> = {}): Promise<KmsEmulator> => {
  const emulator = await startKmsEmulator({ ...options, host: '127.0.0.1', port: 0 })
  t.teardown(async () => { await emulator.close() })
  return emulator
}
