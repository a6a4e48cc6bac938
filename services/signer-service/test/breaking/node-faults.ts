/** What a node itself may do: show a chain that is some blocks old, or fail where receipts are asked for. */

interface Asked { readonly id: number, readonly method: string, readonly params: readonly unknown[] }
interface Answered { readonly id: number, result?: unknown, error?: { readonly code: number, readonly message: string } }

/** @returns the answer of a node that lags so many blocks behind; `ask` reaches the real one. */
export async function staleAnswer (body: string, answer: string, behind: number, ask: (method: string, params: readonly unknown[]) => Promise<unknown>): Promise<string> {
  const head = Math.max(0, Number(await ask('eth_blockNumber', [])) - behind)
  const at = `0x${head.toString(16)}`
  return await eachOf(body, answer, async ({ method, params }, given) => {
    if (method === 'eth_getBlockByNumber' && params[0] === 'latest') return { ...given, result: await ask(method, [at, params[1]]) }
    if (method === 'eth_getTransactionCount' && params[1] === 'pending') return { ...given, result: await ask(method, [params[0], at]) }
    if (method === 'eth_getTransactionReceipt' && Number((given.result as { blockNumber?: string } | null)?.blockNumber ?? 0) > head) return { ...given, result: null }
    return (method === 'eth_getBlockReceipts' || method === 'eth_getBlockByNumber') && Number(params[0]) > head ? { ...given, result: null } : given
  })
}

export const failingReceipts = async (body: string, answer: string): Promise<string> => await eachOf(body, answer, ({ method }, { id }) =>
  method === 'eth_getTransactionReceipt' || method === 'eth_getBlockReceipts' ? { id, error: { code: -32000, message: 'header not found' } } : undefined)

async function eachOf (body: string, answer: string, change: (asked: Asked, given: Answered) => Answered | undefined | Promise<Answered>): Promise<string> {
  const asked = new Map(([JSON.parse(body)] as (Asked | Asked[])[]).flat().map((one) => [one.id, one]))
  const parsed = JSON.parse(answer) as Answered | Answered[]
  const answers = await Promise.all([parsed].flat().map(async (given) => {
    const question = asked.get(given.id)
    return question === undefined ? given : { jsonrpc: '2.0', ...await change(question, given) ?? given }
  }))
  return JSON.stringify(Array.isArray(parsed) ? answers : answers[0])
}
