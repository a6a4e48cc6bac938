import { mkdirSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { startChild } from './process/child.ts'
import type { ProcessRecords } from './process/records.ts'
import { waitUntilReady } from './process/readiness.ts'
import { startOnPort } from './process/start-on-port.ts'
import { findAnvil } from './tools/anvil.ts'

export interface Chain {
  readonly rpcUrl: string
  readonly port: number
  readonly chainId: number
  /** Calls any JSON-RPC method; throws an Error with the node's message. */
  readonly request: <T = unknown>(method: string, params?: readonly unknown[]) => Promise<T>
  readonly kill: () => Promise<void>
  readonly restart: () => Promise<void>
  readonly pause: () => void
  readonly resume: () => void
  readonly stop: () => Promise<void>
}

export interface ChainOptions {
  /** For logs, and for the state when that is kept. */
  readonly directory: string
  readonly port?: number | undefined
  /** Seconds between blocks; none mines a block per transaction. */
  readonly blockTimeSeconds?: number | undefined
  /** EIP-155; 31337 by default. */
  readonly chainId?: number | undefined
  /** Write the state at the end and read it at the start. */
  readonly keepState?: boolean
  readonly logFile?: string | undefined
  readonly records?: ProcessRecords | undefined
}

/**
 * anvil: a real EVM node of one machine, with ten funded accounts of the well-known test mnemonic.
 * @throws StackFault when the port is taken or it does not answer
 */
export const startChain = async (options: ChainOptions): Promise<Chain> => {
  const binary = findAnvil()
  const logFile = options.logFile ?? join(options.directory, 'anvil.log')
  const chainId = options.chainId ?? 31337
  mkdirSync(options.directory, { recursive: true, mode: 0o700 })
  mkdirSync(dirname(logFile), { recursive: true })

  const launch = async (port: number): Promise<Awaited<ReturnType<typeof startChild>>> => {
    const child = await startChild({
      label: 'anvil',
      command: binary,
      args: [
        '--host', '127.0.0.1', '--port', String(port), '--chain-id', String(chainId), '--silent',
        ...(options.blockTimeSeconds === undefined ? [] : ['--block-time', String(options.blockTimeSeconds)]),
        // The interval bounds what a crash loses; without it the state is written at the end only.
        ...(options.keepState === true ? ['--state', join(options.directory, 'state.json'), '--state-interval', '5'] : [])
      ],
      logFile,
      records: options.records
    })
    await waitUntilReady(child, async () => await callRpc(urlOf(port), 'eth_chainId') === `0x${chainId.toString(16)}`, 20_000)
    return child
  }

  const { child, port } = await startOnPort('anvil', options.port, /address (already )?in use|AddrInUse/i, launch)
  let current = child
  const rpcUrl = urlOf(port)
  return {
    rpcUrl,
    port,
    chainId,
    request: async (method, params) => await callRpc(rpcUrl, method, params),
    kill: async () => {
      current.kill('SIGKILL')
      await current.exited
    },
    restart: async () => {
      await current.stop()
      current = await launch(port)
    },
    pause: () => { current.kill('SIGSTOP') },
    resume: () => { current.kill('SIGCONT') },
    stop: async () => { await current.stop() }
  }
}

const urlOf = (port: number): string => `http://127.0.0.1:${port}`

const callRpc = async <T>(url: string, method: string, params: readonly unknown[] = []): Promise<T> => {
  const response = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ jsonrpc: '2.0', id: 1, method, params }),
    signal: AbortSignal.timeout(10_000)
  })
  const { result, error } = await response.json() as { result: T, error?: { message: string } }
  if (error !== undefined) throw new Error(`${method}: ${error.message}`)
  return result
}
