/** One thread of the signature pool. */
import { parentPort } from 'node:worker_threads'
import type { SignatureJob } from './signature-pool.ts'
import { verifiers } from './verifiers.ts'

parentPort?.on('message', async ({ family, proof }: SignatureJob) => {
  const verify = verifiers[family] as (proof: unknown) => Promise<unknown>
  parentPort?.postMessage(await verify(proof))
})
