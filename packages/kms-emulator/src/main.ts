#!/usr/bin/env node
/** Runs the emulator as a process: the `localstack` service of the developer's compose file. */

import { startKmsEmulator } from './emulator.ts'
import { readSettings } from './settings.ts'

const line = (fields: object, message: string): void => {
  process.stdout.write(`${JSON.stringify({ level: 'info', time: new Date().toISOString(), service: 'kms-emulator', ...fields, msg: message })}\n`)
}

try {
  const emulator = await startKmsEmulator({ ...readSettings(process.env), log: { info: line } })
  line({ endpoint: emulator.endpoint }, 'listening')
  const stop = (signal: string): void => {
    line({ signal }, 'stopping')
    void emulator.close()
  }
  process.once('SIGTERM', stop)
  process.once('SIGINT', stop)
} catch (error) {
  process.stderr.write(`kms-emulator: ${(error as Error).message}\n`)
  process.exitCode = 1
}
