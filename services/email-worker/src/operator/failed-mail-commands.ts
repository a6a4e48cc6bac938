/** `email failed` and `email requeue`: mails and text messages that were given up, and another try for those that are still of use. */
import { DeliveryId, MailPayload } from '@countersign/contracts'
import { createAudit, databaseOf } from '@countersign/mongo'
import { jobConnection, openFailedJobs, type FailedJob, type FailedJobs } from '@countersign/redis'
import { createLogger, readEnvironment, systemClock, UsageFault, type CliCommand, type EnvironmentSource } from '@countersign/runtime'
import { Value } from 'typebox/value'
import { mailJobs, smsJobs } from '../compose.ts'
import { failedMailsEnvironment } from '../config.ts'
import { createDeliveryRepository } from '../deliveries/delivery-repository.ts'
import { createRequeueMails } from '../deliveries/requeue-mails.ts'

const mostShown = 200
/** As many as a queue keeps. */
const mostKept = 10_000

interface FailedMail extends FailedJob { readonly queue: string, readonly usefulUntil: Date | undefined }

/** @param env `process.env`, read when a command runs */
export const failedMailCommands = (env: EnvironmentSource): CliCommand[] => [failedCommand(env), requeueCommand(env)]

async function withQueues<T> (env: EnvironmentSource, work: (queues: ReadonlyMap<string, FailedJobs>) => Promise<T>): Promise<T> {
  const { REDIS_URL: url, ENVIRONMENT: environment } = readEnvironment(failedMailsEnvironment, env)
  const log = createLogger({ service: 'email-worker', level: 'silent', sha: 'unknown', environment })
  const queues = new Map([...mailJobs, ...smsJobs].map((job) => [job.name, openFailedJobs(job, jobConnection(url, 'email-worker cli'), log)]))
  try {
    return await work(queues)
  } finally {
    await Promise.all([...queues.values()].map((queue) => queue.close()))
  }
}

async function failedMails (queues: ReadonlyMap<string, FailedJobs>, limit: number): Promise<FailedMail[]> {
  const found = await Promise.all([...queues].map(async ([queue, jobs]) => (await jobs.list(limit)).map((job) =>
    ({ ...job, queue, usefulUntil: Value.Check(MailPayload, job.payload) ? new Date(job.payload.useful_until) : undefined }))))
  return found.flat().sort((a, b) => b.failedAt.getTime() - a.failedAt.getTime()).slice(0, limit)
}

const failedCommand = (env: EnvironmentSource): CliCommand => ({
  name: 'email failed',
  description: `Mails and text messages that were given up in the last week, the latest ${mostShown}: why, and whether they are still of use; no addresses`,
  run: async ({ print, table, line }) => await withQueues(env, async (queues) => {
    const now = systemClock.now()
    const rows = (await failedMails(queues, mostShown)).map(({ jobId, queue, reason, failedAt, usefulUntil }) =>
      ({ delivery_id: jobId, queue, reason, failed_at: failedAt.toISOString(), of_use: usefulUntil !== undefined && usefulUntil > now }))
    print(rows, () => { if (rows.length === 0) line('no mail failed'); else table(rows) })
  })
})

const requeueCommand = (env: EnvironmentSource): CliCommand => ({
  name: 'email requeue',
  description: 'Try failed mails and text messages again that are still of use, and were not refused as forged',
  args: [['[ids...]', 'delivery ids, dlv_…']],
  options: [['--all', 'every failed mail'], ['--dry-run', 'say which, and move nothing']],
  run: async ({ args: ids, options, print, line }) => {
    const all = options['all'] === true
    if (all === ids.length > 0) throw new UsageFault('give delivery ids, or --all')
    if (!ids.every((id) => Value.Check(DeliveryId, id))) throw new UsageFault('a delivery id is dlv_ and 26 characters')
    const dryRun = options['dryRun'] === true
    await withQueues(env, async (queues) => await databaseOf('email-worker', env)(async (db) => {
      const failed = await failedMails(queues, mostKept)
      const unknown = ids.filter((id) => !failed.some(({ jobId }) => jobId === id))
      if (unknown.length > 0) throw new Error(`not among the failed mails: ${unknown.join(', ')}`)
      const requeue = createRequeueMails({
        deliveries: createDeliveryRepository(db, 0),
        retry: async ({ queue, deliveryId }) => { await queues.get(queue)?.retry(deliveryId) },
        audit: createAudit(db),
        now: systemClock.now
      })
      const chosen = failed.filter(({ jobId }) => all || ids.includes(jobId)).map(({ jobId, queue, usefulUntil }) => ({ deliveryId: jobId, queue, usefulUntil }))
      const done = await requeue(chosen, { dryRun })
      print({ dry_run: dryRun, ...done }, () => { line(`${done.requeued.length} ${dryRun ? 'would be' : 'are'} tried again; ${done.late.length} come too late, ${done.refused.length} were refused or sent`) })
    }))
  }
})
