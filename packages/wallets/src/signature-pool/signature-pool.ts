/** Checks wallet signatures: on the event loop where that takes a fraction of a millisecond, in a thread where it would hold the loop for several. */
import { performance } from 'node:perf_hooks'
import { availableParallelism } from 'node:os'
import type { WalletFamily } from '@countersign/contracts'
import type { Logger, Metrics } from '@countersign/runtime'
import { secp256k1Backend, verifyEvmMessageByContract, verifyEvmTypedDataByContract, type EvmVerdict } from '@countersign/wallet-proofs'
import { verifiers, type Proof, type Verdict } from './verifiers.ts'
import { createWorkerPool } from './worker-pool.ts'

export interface SignaturePool {
  /**
   * @throws Problem unavailable when too many wait, or the thread died over this proof
   */
  readonly verify: <F extends WalletFamily>(family: F, proof: Proof<F>) => Promise<Verdict<F>>
  readonly close: () => Promise<void>
}

export interface SignaturePoolOptions {
  /** Threads. Default: two, or one where there is one core. */
  readonly size?: number
  /** How many proofs may wait for a thread. Default: what the threads check in about half a second. */
  readonly queueLimit?: number
  readonly log: Pick<Logger, 'error'>
  readonly metrics: Pick<Metrics, 'histogram' | 'counter'>
}

/** What a thread is sent: plain data. */
export interface SignatureJob { readonly family: WalletFamily, readonly proof: Proof<WalletFamily> }

const script = new URL('./signature-worker.js', import.meta.url)
const jobsPerThread = 100

/**
 * Worth a thread is what may hold the loop for more than 2 ms. Measured per proof: 0.1 to 0.2 ms for Ed25519 (node:crypto) and for all others with the
 * native library, below 1 ms for a text of 64 KB; in JavaScript 1.4 to 9 ms, and 8 to 18 ms for such a text.
 */
const isQuick = (family: WalletFamily): boolean => family === 'solana' || secp256k1Backend() === 'native'

export function createSignaturePool ({
  size = Math.min(2, availableParallelism()), queueLimit = jobsPerThread * size, log, metrics
}: SignaturePoolOptions): SignaturePool {
  const pool = createWorkerPool<SignatureJob, unknown>({ script, size, queueLimit, log })
  const seconds = metrics.histogram({ name: 'signature_check_seconds', help: 'Checks of wallet signatures, with the wait for a thread', labels: ['family', 'where'] })
  const unavailable = metrics.counter({ name: 'signature_checks_unavailable_total', help: 'Checks that got no thread, or whose thread died', labels: ['family'] })

  async function inThread<F extends WalletFamily> (family: F, proof: Proof<F>): Promise<Verdict<F>> {
    if ('rpc' in proof) return await inThreadThenByContract(proof)
    return await pool.run({ family, proof }) as Verdict<F>
  }

  /** A thread cannot ask a node: what no key signed may still be a contract wallet's. */
  async function inThreadThenByContract (proof: Proof<'evm'>): Promise<EvmVerdict> {
    const { rpc: _rpc, ...plain } = proof
    const own = await pool.run({ family: 'evm', proof: plain }) as EvmVerdict
    if (own.reason === undefined) return own
    return await ('typedData' in proof ? verifyEvmTypedDataByContract(proof, own.reason) : verifyEvmMessageByContract(proof, own.reason))
  }

  return {
    async verify (family, proof) {
      const where = isQuick(family) ? 'loop' : 'thread'
      const from = performance.now()
      try {
        return where === 'loop' ? await verifiers[family](proof) : await inThread(family, proof)
      } catch (error) {
        unavailable.inc({ family })
        throw error
      } finally {
        seconds.observe({ family, where }, (performance.now() - from) / 1_000)
      }
    },
    close: pool.close
  }
}
