/** The lanes' half of the composition. */
import type { KeyRing } from '@countersign/kms'
import type { Audit } from '@countersign/mongo'
import type { Logger, Metrics } from '@countersign/runtime'
import type { Db } from 'mongodb'
import type { AttemptRepository } from './attempts/attempt-repository.ts'
import type { Chains } from './chain/chains.ts'
import type { Config } from './config.ts'
import { createCanonicalChain } from './confirmations/canonical-chain.ts'
import { createTrackConfirmations } from './confirmations/track-confirmations.ts'
import type { CrashPoint } from './crash-points.ts'
import { createAnswerWishes } from './lanes/answer-wishes.ts'
import type { AskAgain } from './lanes/ask-again.ts'
import { createAssignNonces } from './lanes/assign-nonces.ts'
import { createClaimApproved } from './lanes/claim-approved.ts'
import { createDisplaceRefused } from './lanes/displace-refused.ts'
import type { FindAltered } from './lanes/find-altered.ts'
import { createHealHead } from './lanes/heal-head.ts'
import { createHoldLane } from './lanes/hold-lane.ts'
import { createLaneRepository } from './lanes/lane-repository.ts'
import { createRestoreFinal } from './lanes/restore-final.ts'
import { createSettlePause, type PauseDeps } from './lanes/pause-lane.ts'
import { createReadOpenWork } from './lanes/read-open-work.ts'
import { createRunRound } from './lanes/run-round.ts'
import { createSendAttempts } from './lanes/send-attempts.ts'
import { createSettleLost } from './lanes/settle-lost.ts'
import { createSettleUsedNonces } from './lanes/settle-used-nonces.ts'
import { createSignAttempts } from './lanes/sign-attempt.ts'
import type { RecordMove } from './transactions/record-move.ts'
import type { LaneKey, TransactionRepository } from './transactions/transaction-repository.ts'
import type { Transact } from './unit.ts'
import type { WalletRepository } from './wallets/wallet-repository.ts'

export interface LanesOptions {
  readonly config: Config
  readonly log: Logger
  readonly metrics: Metrics
  readonly db: Db
  readonly holder: string
  readonly transact: Transact
  readonly transactions: TransactionRepository
  readonly attempts: AttemptRepository
  readonly wallets: WalletRepository
  readonly chains: Chains
  readonly keyRing: KeyRing
  readonly askAgain: AskAgain
  readonly findAltered: FindAltered
  readonly recordMove: RecordMove
  readonly audit: Audit
  readonly crashPoint: CrashPoint
  readonly tellOperator: PauseDeps['tellOperator']
  readonly tellAlarm: PauseDeps['tellAlarm']
}

export function createLanes ({ config, log, metrics, db, holder, transact, transactions, attempts, wallets, chains, keyRing, askAgain, findAltered, recordMove, audit, crashPoint, tellOperator, tellAlarm }: LanesOptions) {
  const { leaseMs, pollMs, inFlight, resendMs, stuckMs } = config.lanes
  const lanes = createLaneRepository(db)
  const canonical = createCanonicalChain()
  const assignNonces = createAssignNonces({ transactions, lanes, recordMove })
  const signAttempts = createSignAttempts({ attempts, keyRing, recordMove, audit, crashPoint, findAltered })
  const sendAttempts = createSendAttempts({ attempts, recordMove, crashPoint })

  const labels = ['chain', 'wallet'] as const
  const unproven = metrics.gauge({ name: 'signer_lane_unproven', help: 'Nonces of a lane that the chain has passed while none of our payloads is known to be mined', labels })
  const runRound = createRunRound({
    lanes, signAttempts, sendAttempts, inFlight, resendMs, crashPoint,
    readOpenWork: createReadOpenWork({ transactions, attempts }),
    trackConfirmations: createTrackConfirmations({ transactions, attempts, recordMove, canonical, crashPoint }),
    settleUsedNonces: createSettleUsedNonces({
      attempts, recordMove, crashPoint,
      settleLost: createSettleLost({ attempts, askAgain, recordMove, assignNonces }),
      unproven: (key, count) => { unproven.set({ chain: String(key.chainId), wallet: key.walletId }, count) }
    }),
    healHead: createHealHead({ transactions, signAttempts, sendAttempts, recordMove, resendMs, stuckMs, crashPoint, restoreFinal: createRestoreFinal({ sendAttempts, audit, resendMs }) }),
    answerWishes: createAnswerWishes({ signAttempts, sendAttempts, crashPoint }),
    displaceRefused: createDisplaceRefused({ signAttempts, sendAttempts }),
    claimApproved: createClaimApproved({ transactions, askAgain, recordMove, assignNonces, crashPoint }),
    settlePause: createSettlePause({ lanes, audit, tellOperator, tellAlarm })
  })

  const flying = metrics.gauge({ name: 'signer_lane_in_flight', help: 'Nonces of a lane that are taken and not yet in a block', labels })
  const paused = metrics.gauge({ name: 'signer_lane_paused', help: '1 while a lane waits for money or for its chain', labels })

  const uniqueLanes = (keys: readonly LaneKey[]): LaneKey[] => [...new Map(keys.map((key) => [`${key.chainId}:${key.walletId}`, key])).values()]
  return {
    lanesWithWork: async (): Promise<LaneKey[]> => uniqueLanes([...await transactions.lanesWithWork(), ...await attempts.lanesWithFillers()]),
    holdLane: createHoldLane({
      lanes, wallets, chains, runRound, transact, holder, leaseMs, pollMs, log, crashPoint,
      hasWork: async (key) => await transactions.hasWork(key) || (await attempts.openFillers(key)).length > 0,
      report: (key, result) => {
        const lane = { chain: String(key.chainId), wallet: key.walletId }
        flying.set(lane, result.inFlight)
        paused.set(lane, result.paused ? 1 : 0)
      }
    })
  }
}
