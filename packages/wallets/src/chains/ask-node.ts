/** One exchange of JSON-RPC 2.0 over HTTP with a node that was configured and is not trusted to behave. */
import { RpcFault, RpcRefusal } from './rpc-fault.ts'

export interface NodeEndpoint {
  readonly chainId: number
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
}

export interface AskNodeDeps {
  readonly fetch: typeof globalThis.fetch
  /** Of the answer as it is read, after decompression. */
  readonly maxResponseBytes: number
}

export type AskNode = (node: NodeEndpoint, call: { readonly method: string, readonly params: readonly unknown[] }, signal: AbortSignal) => Promise<unknown>

/** @param url may name a user and a password, which fetch takes as a header only. @throws TypeError when it is no URL */
export function endpointOf (chainId: number, url: string): NodeEndpoint {
  const parsed = new URL(url)
  const { username, password } = parsed
  parsed.username = ''
  parsed.password = ''
  const credentials = Buffer.from(`${decodeURIComponent(username)}:${decodeURIComponent(password)}`).toString('base64')
  return { chainId, url: parsed.href, headers: username === '' && password === '' ? {} : { authorization: `Basic ${credentials}` } }
}

/**
 * @returns the result, of whatever type
 * @throws RpcRefusal when the node says an error, RpcFault when it says nothing that can be believed
 */
export const createAskNode = ({ fetch, maxResponseBytes }: AskNodeDeps): AskNode => {
  return async ({ chainId, url, headers }, { method, params }, signal) => {
    const response = await reached(chainId, () => fetch(url, {
      method: 'POST',
      headers: { ...headers, 'content-type': 'application/json', accept: 'application/json' },
      body: JSON.stringify({ jsonrpc: '2.0', id, method, params }),
      // A node has no reason to send us elsewhere, and elsewhere may be inside.
      redirect: 'error',
      signal
    }))
    return resultIn(await read(chainId, response), chainId, response.ok)
  }

  async function read (chainId: number, { body }: Response): Promise<unknown> {
    const chunks: Uint8Array[] = []
    let size = 0
    await reached(chainId, async () => {
      for await (const chunk of body ?? []) {
        size += chunk.byteLength
        // Leaving the loop ends the connection.
        if (size > maxResponseBytes) break
        chunks.push(chunk)
      }
    })
    if (size > maxResponseBytes) throw new RpcFault(chainId, 'response is too large')
    try {
      return JSON.parse(Buffer.concat(chunks).toString('utf8'))
    } catch {
      throw new RpcFault(chainId, 'bad answer')
    }
  }
}

/** Each exchange has a connection of its own for as long as it takes, so one number serves all. */
const id = 1

/** fetch puts the address into the causes of its errors: they are dropped. */
async function reached<T> (chainId: number, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch {
    throw new RpcFault(chainId, 'unreachable')
  }
}

function resultIn (answer: unknown, chainId: number, isOk: boolean): unknown {
  const { jsonrpc, id: answered, result, error } = (answer ?? {}) as { jsonrpc?: unknown, id?: unknown, result?: unknown, error?: unknown }
  const { code, message, data } = (error ?? {}) as { code?: unknown, message?: unknown, data?: unknown }
  // Some nodes send their errors with a status of 4xx or 5xx; without one of theirs such an answer is a gateway's.
  if (jsonrpc === '2.0' && typeof code === 'number') throw new RpcRefusal(code, String(message ?? ''), data)
  if (jsonrpc !== '2.0' || answered !== id || !isOk || result === undefined) throw new RpcFault(chainId, 'bad answer')
  return result
}
