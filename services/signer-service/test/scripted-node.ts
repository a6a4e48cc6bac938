/** Stands between the signer and its node and answers what a scenario wants answered otherwise. */
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { TestContext } from '@countersign/testing'

export interface AskedOfNode { readonly method: string, params: unknown[] }

/** A result, an error in the node's words, or a connection that breaks. Undefined: the node itself answers, as the request is by then. */
export type Scripted = { readonly result: unknown } | { readonly error: string } | 'drop' | undefined

export interface ScriptedNode { readonly url: string, /** The node behind it. */ target: string, script: (asked: AskedOfNode) => Scripted | Promise<Scripted> }

export async function startScriptedNode (t: TestContext, target: string): Promise<ScriptedNode> {
  const node = { url: '', target, script: (() => undefined) as ScriptedNode['script'] }
  const answer = async (request: AskedOfNode & { readonly id: number }): Promise<object | undefined> => {
    const scripted = await node.script(request)
    if (scripted === 'drop') return undefined
    if (scripted !== undefined) return { jsonrpc: '2.0', id: request.id, ...'error' in scripted ? { error: { code: -32000, message: scripted.error } } : scripted }
    return await (await fetch(node.target, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(request) })).json() as object
  }
  /** Each by itself, whether it came in a batch or alone; one that is dropped takes its batch with it. */
  const answerAll = async (text: string): Promise<string | undefined> => {
    const given = JSON.parse(text) as (AskedOfNode & { readonly id: number }) | (AskedOfNode & { readonly id: number })[]
    const answers = await Promise.all([given].flat().map(answer))
    return answers.includes(undefined) ? undefined : JSON.stringify(Array.isArray(given) ? answers : answers[0])
  }
  const server = createServer((request, response) => {
    let text = ''
    request.on('data', (chunk: Buffer) => { text += chunk.toString() })
    request.on('end', () => {
      answerAll(text).then((body) => {
        if (body === undefined) response.destroy()
        else response.setHeader('content-type', 'application/json').end(body)
      }, () => { response.destroy() })
    })
  })
  await new Promise<void>((resolve) => { server.listen(0, '127.0.0.1', resolve) })
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  node.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  return node
}
