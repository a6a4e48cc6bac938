/** Depth and age of a queue, read when scraped. Producer and worker both tell: aggregate with max by (queue), one of them may be down. */
import type { Queue } from 'bullmq'
import type { Job } from '@countersign/contracts'
import type { Metrics } from '@countersign/runtime'
import { scrapedGauge } from '../metrics/scraped-gauge.ts'
import { answerOf } from './job-queue.ts'

const states = ['waiting', 'active', 'delayed', 'failed', 'completed'] as const

/** @returns a function that ends it */
export const reportQueue = (metrics: Metrics, job: Job, queue: Queue): (() => void) => {
  const endDepth = scrapedGauge(metrics, { name: 'job_queue_depth', help: 'Jobs in a queue by state', labels: ['queue', 'state'] }, async () => {
    const counts = await answerOf(job, queue.getJobCounts(...states))
    return states.map((state) => ({ labels: { queue: job.name, state }, value: counts[state] ?? 0 }))
  })
  const endAge = scrapedGauge(metrics, { name: 'job_oldest_age_seconds', help: 'Age of the oldest job that waits for its first or next attempt', labels: ['queue'] },
    async () => [{ labels: { queue: job.name }, value: await answerOf(job, oldestAgeSeconds(queue)) }])
  return () => {
    endDepth()
    endAge()
  }
}

/** Looks at the first of each state only, so that a scrape stays cheap however long the queue is. */
async function oldestAgeSeconds (queue: Queue): Promise<number> {
  const [waiting, delayed] = await Promise.all([queue.getJobs(['waiting'], 0, 0, true), queue.getJobs(['delayed'], 0, 0, true)])
  const born = [...waiting, ...delayed].map(({ timestamp }) => timestamp)
  if (born.length === 0) return 0
  // BullMQ stamps a job by its producer's clock, so this is as exact as the machines agree.
  return Math.max(0, Date.now() - Math.min(...born)) / 1_000
}
