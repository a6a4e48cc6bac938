/** Whether a contract stands at an address, for whoever must not wait long for a node: it may not say, and then nothing is known. */
import type { Chain, Chains } from './chains.ts'
import { ChainFault } from './chain-fault.ts'
import { createRememberedCode } from './remembered-code.ts'

export interface HasCodeDeps {
  readonly chains: Pick<Chains, 'find'>
  /** Longest wait for the nodes of a chain. */
  readonly timeoutMs: number
  /** So long nobody is asked after a node did not say. */
  readonly pauseMs: number
  /** Milliseconds of a clock that only goes forward. */
  readonly now: () => number
}

/** @returns undefined when the nodes of the chain do not say. */
export type HasCode = (chainId: number, address: string) => Promise<boolean | undefined>

export function createHasCode ({ chains, timeoutMs, pauseMs, now }: HasCodeDeps): HasCode {
  const remembered = new Map<number, (address: string) => Promise<boolean>>()
  const pausedUntil = new Map<number, number>()

  const codeOf = (chain: Chain): (address: string) => Promise<boolean> => {
    const known = remembered.get(chain.chainId) ?? createRememberedCode(async (address) => {
      if ((pausedUntil.get(chain.chainId) ?? -Infinity) > now()) throw new Silent('not asked')
      return await within(timeoutMs, (async () => await (await chain.node()).hasCode(address))())
    }, now)
    remembered.set(chain.chainId, known)
    return known
  }

  return async (chainId, address) => {
    const chain = chains.find(chainId)
    if (chain === undefined) return undefined
    try {
      return await codeOf(chain)(address)
    } catch (error) {
      if (!(error instanceof Silent) && !(error instanceof ChainFault)) throw error
      // What is not asked makes no pause longer.
      if ((pausedUntil.get(chainId) ?? -Infinity) <= now()) pausedUntil.set(chainId, now() + pauseMs)
      return undefined
    }
  }
}

class Silent extends Error {
  override readonly name = 'Silent'
}

async function within<T> (ms: number, asking: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_resolve, reject) => { timer = setTimeout(() => { reject(new Silent('no answer in time')) }, ms) })
  try {
    return await Promise.race([asking, late])
  } finally {
    clearTimeout(timer)
  }
}
