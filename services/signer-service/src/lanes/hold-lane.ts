/** Works one lane for as long as it has work and its lease lasts: takes it, runs rounds, renews, gives it back. */
import { setTimeout as wait } from 'node:timers/promises'
import { LeaseLost } from '@countersign/mongo'
import type { Logger } from '@countersign/runtime'
import { ChainFault } from '../chain/chain-fault.ts'
import type { ChainNode } from '../chain/chain-node.ts'
import type { Chains } from '../chain/chains.ts'
import type { CrashPoint } from '../crash-points.ts'
import type { LaneKey } from '../transactions/transaction-repository.ts'
import type { Transact } from '../unit.ts'
import type { WalletRepository } from '../wallets/wallet-repository.ts'
import { laneId } from './lane.ts'
import type { Holding, LaneRepository } from './lane-repository.ts'
import type { RoundResult, RunRound } from './run-round.ts'

export interface HoldLaneDeps {
  readonly lanes: LaneRepository
  readonly wallets: Pick<WalletRepository, 'find'>
  readonly chains: Pick<Chains, 'find'>
  readonly runRound: RunRound
  readonly transact: Transact
  readonly hasWork: (key: LaneKey) => Promise<boolean>
  readonly report: (key: LaneKey, result: RoundResult) => void
  readonly holder: string
  readonly leaseMs: number
  readonly pollMs: number
  readonly log: Logger
  readonly crashPoint: CrashPoint
}

export interface HoldGiven {
  readonly signal: AbortSignal
  /** Resolves when something new was approved for this lane. */
  readonly nudged: () => Promise<void>
}

/** Nothing changes before the operator does something. */
const unconfiguredMs = 60_000
const longestPauseMs = 5_000
/** A node whose chain contradicts what was final is asked again after this long. */
const avoidMs = 30_000

/** Four looks per block are enough, and rounds cost requests; approvals wake the lane at once all the same. */
export const roundPauseMs = (blockTimeMs: number, pollMs: number): number => Math.max(pollMs, Math.min(blockTimeMs / 4, longestPauseMs))

/** @returns when the lane has nothing left to do, is somebody else's, or the process stops. Never throws. */
export const createHoldLane = (deps: HoldLaneDeps) => async (key: LaneKey, given: HoldGiven): Promise<void> => {
  const { lanes, holder, leaseMs } = deps
  const log = deps.log.child({ chain: key.chainId, wallet: key.walletId })
  try {
    const holding = await lanes.acquire(key, holder, leaseMs)
    if (holding === null) return
    await deps.crashPoint('lane.held')
    const renewing = setInterval(() => {
      // A failure is no loss yet: every write asks the database whether the lane is still held.
      lanes.renew(key, holding, leaseMs).catch((err: unknown) => { log.warn({ err }, 'lane could not be renewed') })
    }, leaseMs / 3)
    try {
      await work(deps, key, holding, given, log)
    } finally {
      clearInterval(renewing)
      await lanes.release(key, holding)
    }
  } catch (error) {
    if (error instanceof LeaseLost) log.warn('lane was taken over')
    else log.error({ err: error }, 'lane stopped')
  }
}

async function work (deps: HoldLaneDeps, key: LaneKey, holding: Holding, { signal, nudged }: HoldGiven, log: Logger): Promise<void> {
  const { wallets, chains, runRound, transact, hasWork, report, pollMs } = deps
  const wallet = await wallets.find(key.walletId)
  const chain = chains.find(key.chainId)
  if (wallet === undefined || chain === undefined) {
    log.error('open transactions of a wallet or chain that is not configured any more')
    await wait(unconfiguredMs, undefined, { signal }).catch(() => undefined)
    return
  }
  const pauseMs = roundPauseMs(chain.blockTimeMs, pollMs)
  const fenced: Transact = async (write) => await transact(async (unit) => {
    await deps.lanes.assert(key, holding, unit)
    return await write(unit)
  })
  let avoided: { readonly node: ChainNode, readonly until: number } | undefined
  while (!signal.aborted && await hasWork(key)) {
    const next = nudged()
    let result: RoundResult | undefined
    try {
      const { node, head } = await chain.look({ name: laneId(key), avoid: avoided !== undefined && performance.now() < avoided.until ? avoided.node : undefined })
      result = await runRound({ key, wallet, chain, node, head, fenced, log })
      if (result.chainBehind) avoided = { node, until: performance.now() + avoidMs }
      report(key, result)
    } catch (error) {
      // The chain cannot be asked: nothing is lost, everything waits.
      if (!(error instanceof ChainFault)) throw error
      log.warn({ err: error, fault: error.code }, 'lane waits for its chain')
    }
    if (result?.more === true) continue
    const pause = wait(pauseMs, undefined, { signal }).catch(() => undefined)
    await (result?.full === true ? pause : Promise.race([pause, next]))
  }
}
