/** What a question to a node may end in. Neither error holds an address: node providers carry the API key in it. */

export type RpcTrouble = 'timeout' | 'unreachable' | 'bad answer' | 'response is too large' | 'too many wait' | 'not allowed'

/** Nothing is known. */
export class RpcFault extends Error {
  override readonly name = 'RpcFault'
  readonly trouble: RpcTrouble

  constructor (chainId: number, trouble: RpcTrouble) {
    super(`the node of chain ${chainId}: ${trouble}`)
    this.trouble = trouble
  }
}

/** The node's own answer: an error object of JSON-RPC 2.0, whose code and data tell a reverted call from trouble. */
export class RpcRefusal extends Error {
  override readonly name = 'RpcRefusal'
  readonly code: number
  readonly data: unknown

  constructor (code: number, message: string, data: unknown) {
    super(cleaned(message))
    this.code = code
    this.data = data
  }
}

/** Providers quote their own addresses and the key that was wrong. */
const cleaned = (text: string): string => text.slice(0, 1_000).replace(/\S*\/\S*|\S{20,}/g, '[cut]').slice(0, 200)
