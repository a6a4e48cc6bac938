/** A worker in a process of its own that starts jobs and never ends them: `worker-process.js <redis url>`. */
import { jobConnection, startWorker } from '../../src/index.ts'
import { telemetry } from '../commands/echo.ts'
import { letter } from './letter.ts'

const [url = ''] = process.argv.slice(2)
startWorker(letter, {
  connection: jobConnection(url, 'killed'),
  lockMs: 1_000,
  ...telemetry('email-worker'),
  handle: async (_payload, { jobId }) => {
    process.stdout.write(`started ${jobId}\n`)
    await new Promise(() => undefined)
  }
})
