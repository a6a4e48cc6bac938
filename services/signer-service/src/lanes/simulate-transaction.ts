/** One transaction as its node would make it now: what it would cost, or why it must not go although it would not revert. */
import { contractsIn } from '../calls/contracts-in.ts'
import { parseCalls } from '../calls/parse-calls.ts'
import { movesTokens, tokenThatRefuses } from '../calls/token-answers.ts'
import type { ChainNode } from '../chain/chain-node.ts'
import type { ChainSettings } from '../chain/chains.ts'
import { messageOf, type Failure, type MovingTransaction } from '../transactions/transaction.ts'

type Asked = Pick<ChainNode, 'estimateGas' | 'answerTo' | 'hasCode'>

/** @returns gas, or the failure. @throws ChainFault when it would revert, and when the node does not say. */
export async function simulateTransaction (node: Asked, { multicall3 }: Pick<ChainSettings, 'multicall3'>, row: MovingTransaction): Promise<bigint | Failure> {
  const message = messageOf(row)
  if (row.data === '0x') return await node.estimateGas(message)
  const parts = parseCalls(message, { from: row.from, multicall3 })
  const contracts = [...new Set(contractsIn(message, parts).map(({ address }) => address))]
  const [gas, answer, present] = await Promise.all([
    node.estimateGas(message), movesTokens(parts) ? node.answerTo(message) : undefined, Promise.all(contracts.map(async (address) => await node.hasCode(address)))
  ])
  const missing = contracts.find((_address, index) => present[index] === false)
  if (missing !== undefined) return { code: 'no_code', detail: `There is no contract at ${missing}: the call would do nothing, and was not sent.` }
  const refusing = answer === undefined ? undefined : tokenThatRefuses(message, parts, answer)
  return refusing === undefined ? gas : { code: 'token_refused', detail: `The token ${refusing} answers that it would not do what it is asked: nothing would move, and nothing was sent.` }
}
