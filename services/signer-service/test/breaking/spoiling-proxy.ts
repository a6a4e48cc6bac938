/** Stands before a node or the KMS and spoils what a network can spoil, each request by itself. */
import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as wait } from 'node:timers/promises'
import type { TestContext } from '@countersign/testing'

/**
 * - `lose-request`: it never arrives. - `lose-answer`: it is carried out, and its answer never arrives. - `reset`: the connection breaks in the middle
 * of the answer. - `500`: an error page, nothing is carried out. - `late`: it arrives after whoever asked has given up.
 */
export const networkFaults = ['lose-request', 'lose-answer', 'reset', '500', 'late'] as const
export type NetworkFault = typeof networkFaults[number]

export interface SpoilingProxy {
  readonly url: string
  /** Asked for each request, which it may answer otherwise. Undefined: nothing is spoiled. */
  spoil: (body: string) => NetworkFault | undefined
  /** Changes what the server behind answered. */
  rewrite: (body: string, answer: string) => Promise<string> | string
  readonly spoiled: Record<string, number>
}

export interface SpoilingProxyOptions { readonly target: string, readonly lateMs: number }

/** Before they are carried on, and with the answers; the sums and hosts that belong to one connection stay behind. */
const own: ReadonlySet<string> = new Set(['host', 'connection', 'content-length', 'transfer-encoding', 'keep-alive', 'content-encoding', 'expect'])

export async function startSpoilingProxy (t: TestContext, { target, lateMs }: SpoilingProxyOptions): Promise<SpoilingProxy> {
  const proxy: { url: string } & Omit<SpoilingProxy, 'url'> = { url: '', spoil: () => undefined, rewrite: (_body, answer) => answer, spoiled: {} }
  const forward = async (body: string, headers: Record<string, string>): Promise<{ status: number, type: string, text: string }> => {
    const answer = await fetch(target, { method: 'POST', headers, body })
    return { status: answer.status, type: answer.headers.get('content-type') ?? 'application/json', text: await proxy.rewrite(body, await answer.text()) }
  }
  const serve = async (body: string, headers: Record<string, string>, response: ServerResponse): Promise<void> => {
    const fault = proxy.spoil(body)
    if (fault !== undefined) proxy.spoiled[fault] = (proxy.spoiled[fault] ?? 0) + 1
    if (fault === 'lose-request') return void response.destroy()
    if (fault === '500') return void response.writeHead(500, { 'content-type': 'text/html' }).end('<h1>Internal Server Error</h1>')
    if (fault === 'late') await wait(lateMs, undefined, { ref: false })
    const { status, type, text } = await forward(body, headers)
    if (fault === 'lose-answer') return void response.destroy()
    response.writeHead(status, { 'content-type': type, 'content-length': Buffer.byteLength(text) })
    if (fault === 'reset') response.write(text.slice(0, text.length / 2), () => { response.destroy() })
    else response.end(text)
  }
  const server = createServer((request, response) => {
    let body = ''
    request.on('data', (chunk: Buffer) => { body += chunk.toString() })
    request.on('end', () => {
      const headers = Object.fromEntries(Object.entries(request.headers).flatMap(([name, value]) => typeof value === 'string' && !own.has(name) ? [[name, value]] : []))
      serve(body, headers, response).catch(() => { response.destroy() })
    })
  })
  await new Promise<void>((resolve) => { server.listen(0, '127.0.0.1', resolve) })
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  proxy.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  return proxy
}
