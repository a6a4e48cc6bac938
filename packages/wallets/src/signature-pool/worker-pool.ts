/** A few threads for work that would hold the event loop: one job at a time each, a short queue before them. They start when they are needed. */
import { Worker } from 'node:worker_threads'
import { Problem, problems } from '@countersign/contracts'
import { createBoundedQueue, type Logger } from '@countersign/runtime'

export interface WorkerPool<Job, Answer> {
  /**
   * @param job plain data
   * @throws Problem unavailable when too many wait, when the thread dies over the job, does not end it in time, or the pool is closed
   */
  readonly run: (job: Job) => Promise<Answer>
  /** Ends the threads; jobs that they have fail as unavailable. */
  readonly close: () => Promise<void>
}

export interface WorkerPoolOptions {
  /** A module that answers each message with one message. */
  readonly script: URL
  readonly size: number
  readonly queueLimit: number
  /** A thread that has not answered by then is ended and replaced. */
  readonly jobTimeoutMs?: number
  readonly log: Pick<Logger, 'error'>
}

interface Thread<Answer> {
  readonly worker: Worker
  job: { readonly resolve: (answer: Answer) => void, readonly reject: (reason: Error) => void } | undefined
}

/** A hostile input may make a thread run out of memory: it then dies alone. */
const resourceLimits = { maxOldGenerationSizeMb: 128 }
const retryAfterSeconds = 1

export function createWorkerPool<Job, Answer> ({ script, size, queueLimit, jobTimeoutMs = 10_000, log }: WorkerPoolOptions): WorkerPool<Job, Answer> {
  const queue = createBoundedQueue({ maxInFlight: size, queueLimit })
  const threads = new Set<Thread<Answer>>()
  let closed = false

  function start (): Thread<Answer> {
    const thread: Thread<Answer> = { worker: new Worker(script, { resourceLimits }), job: undefined }
    threads.add(thread)
    // Idle, it keeps no process alive.
    thread.worker.unref()
    thread.worker.on('message', (answer: Answer) => { thread.job?.resolve(answer) })
    thread.worker.on('error', (err) => { log.error({ err }, 'a worker thread failed') })
    thread.worker.on('exit', () => {
      threads.delete(thread)
      thread.job?.reject(unavailable())
    })
    return thread
  }

  async function ask (thread: Thread<Answer>, job: Job): Promise<Answer> {
    const { worker } = thread
    const late = setTimeout(() => {
      log.error({ jobTimeoutMs }, 'a worker thread did not end its job in time and is ended')
      void worker.terminate()
    }, jobTimeoutMs)
    worker.ref()
    try {
      return await new Promise<Answer>((resolve, reject) => {
        thread.job = { resolve, reject }
        worker.postMessage(job)
      })
    } finally {
      clearTimeout(late)
      worker.unref()
      thread.job = undefined
    }
  }

  return {
    run: async (job) => await queue.run(async () => {
      if (closed) throw unavailable()
      const idle = [...threads].find((thread) => thread.job === undefined)
      return await ask(idle ?? start(), job)
    }),

    async close () {
      closed = true
      await Promise.all([...threads].map(({ worker }) => worker.terminate()))
    }
  }
}

const unavailable = (): Problem => new Problem(problems.unavailable, { retry_after: retryAfterSeconds })
