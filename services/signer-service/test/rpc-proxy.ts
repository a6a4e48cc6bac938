/** Stands between the signer and its node and spoils what a network or a node can spoil. */
import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { TestContext } from '@countersign/testing'

export interface RpcProxy {
  readonly url: string
  /**
   * - `pass`: forwards. - `down`: drops every connection. - `lose-answers`: forwards sends and drops their answers.
   * - `swallow`: drops sends before they reach the node. - a sentence: answers every send with this error and forwards none.
   */
  mode: 'pass' | 'down' | 'lose-answers' | 'swallow' | { readonly refuse: string }
  /** Bytes of every send, in order, whatever became of it. */
  readonly sends: string[]
  /** Methods of every request. */
  readonly asked: string[]
}

interface RpcRequest { readonly id: number, readonly method: string, readonly params: readonly unknown[] }

export async function startRpcProxy (t: TestContext, target: string): Promise<RpcProxy> {
  const sends: string[] = []
  const asked: string[] = []
  const proxy = { url: '', mode: 'pass' as RpcProxy['mode'], sends, asked }

  /** Undefined: no answer to anything. */
  const answer = async (request: RpcRequest): Promise<object | undefined> => {
    const { mode } = proxy
    const isSend = request.method === 'eth_sendRawTransaction'
    asked.push(request.method)
    if (isSend) sends.push(String(request.params[0]))
    if (mode === 'down' || (isSend && mode === 'swallow')) return undefined
    if (isSend && typeof mode === 'object') return { jsonrpc: '2.0', id: request.id, error: { code: -32000, message: mode.refuse } }
    const reply = await (await fetch(target, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(request) })).json() as object
    return isSend && mode === 'lose-answers' ? undefined : reply
  }

  const serve = async (text: string, response: ServerResponse): Promise<void> => {
    const given = JSON.parse(text) as RpcRequest | RpcRequest[]
    const answers = []
    for (const request of [given].flat()) answers.push(await answer(request))
    if (answers.includes(undefined)) return void response.destroy()
    response.setHeader('content-type', 'application/json').end(JSON.stringify(Array.isArray(given) ? answers : answers[0]))
  }

  const server = createServer((request, response) => {
    let text = ''
    request.on('data', (chunk: Buffer) => { text += chunk.toString() })
    request.on('end', () => { serve(text, response).catch(() => { response.destroy() }) })
  })
  await new Promise<void>((resolve) => { server.listen(0, '127.0.0.1', resolve) })
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  proxy.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  return proxy
}
