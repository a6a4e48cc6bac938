/** A process that has one proof checked in a thread and closes nothing. */
import { createLogger, createMetrics } from '@countersign/runtime'
import { createSignaturePool } from '../../src/signature-pool/signature-pool.ts'
import { proofs } from './proofs.ts'

const metrics = createMetrics({ service: 'test', sha: 'test' })
const pool = createSignaturePool({ log: createLogger({ service: 'test', level: 'silent', sha: 'test', environment: 'test' }), metrics })
const { result } = await pool.verify('bitcoin', proofs.bitcoin)
const where = /where="(loop|thread)"/.exec(await metrics.text())?.[1]
process.stdout.write(`${result} ${where}\n`)
