/** The SMS sink by itself, for docker-compose.yml. */
import { startSmsSink } from './sink.ts'

const sink = await startSmsSink({ host: process.env['HOST'], port: Number(process.env['PORT'] ?? 1081) })
process.stdout.write(`text messages are taken at port ${process.env['PORT'] ?? '1081'} and shown there\n`)
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => { void sink.close() })
