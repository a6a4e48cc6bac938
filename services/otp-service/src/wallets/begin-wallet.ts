/** Asks a wallet to become a factor. It is none before it signed; beside other factors it takes the proof of one of them. */
import { Problem, problems, walletAddresses, type ReplyOf, type RequestOf, type StepUpAction, type beginWallet } from '@countersign/contracts'
import { orFirst, type Audit } from '@countersign/mongo'
import type { Families } from '@countersign/wallets'
import { Value } from 'typebox/value'
import type { Asking } from '../asking.ts'
import { admitShown } from '../factors/admit-shown.ts'
import type { FactorChecks } from '../factors/factor-check.ts'
import type { FactorRepository } from '../factors/factor-repository.ts'
import type { UseStepUp } from '../step-ups/use-step-up.ts'
import type { Transact } from '../transaction.ts'
import type { FactorWallet } from './factor-wallet.ts'
import { oneWalletPerCommand, questionOfEnrolment, type WalletEnrolment, type WalletEnrolmentRepository } from './wallet-enrolment.ts'
import type { WalletQuestions } from './wallet-questions.ts'

export interface BeginWalletDeps {
  readonly families: Families
  readonly factors: Pick<FactorRepository, 'ownerOf' | 'listOf'>
  readonly enrolments: Pick<WalletEnrolmentRepository, 'findByCommand' | 'begin'>
  readonly questions: Pick<WalletQuestions, 'ask'>
  readonly stepUps: Pick<UseStepUp, 'use'>
  readonly checks: FactorChecks
  readonly site: string
  readonly audit: Audit
  readonly transact: Transact
  readonly newFactorId: () => string
  /** 128 random bits, hex. */
  readonly newNonce: () => string
  readonly ttlSeconds: number
}

type Request = RequestOf<typeof beginWallet>

const mostWallets = 10

export const createBeginWallet = (deps: BeginWalletDeps) => {
  const { families, factors, enrolments, questions, stepUps, checks, site, audit, transact, newFactorId, newNonce, ttlSeconds } = deps
  const replyOf = (enrolment: WalletEnrolment): ReplyOf<typeof beginWallet> =>
    ({ factor_id: enrolment.id, sign: questions.ask(enrolment.wallet, questionOfEnrolment(enrolment, site)) })

  /** The rule of a wallet is that of what it will do: it shows actions. */
  const admit = async (request: Request, asking: Asking, transaction: Parameters<Parameters<Transact>[0]>[0]) => {
    const { user_id: userId, session_id: sessionId, step_up: stepUpId } = request
    const owner = await factors.ownerOf(userId, transaction)
    if (owner === undefined) return { factorRoot: null, renewsRoot: false, provedBy: null }
    const proof = await stepUps.use({ userId, sessionId, stepUpId, action: addWalletAction(request) }, asking, transaction)
    const admission = admitShown(proof.factor, await factors.listOf(userId, transaction), checks)
    if (admission === undefined) throw new Problem(problems.stateConflict, { detail: 'A wallet confirms what the account does: it is added on the proof of a factor that shows that, such as a mailed code.' })
    return { factorRoot: owner.factorRoot, renewsRoot: admission === 'renews root', provedBy: proof.factor.id }
  }

  /** @throws Problem schemaViolation, stepUpRequired when the user has a factor, stateConflict, tooMany */
  return async (request: Request, asking: Asking): Promise<ReplyOf<typeof beginWallet>> => {
    const { user_id: userId, session_id: sessionId, step_up: stepUpId } = request
    const repeated = () => enrolments.findByCommand(userId, sessionId, asking.commandId)
    const earlier = await repeated()
    if (earlier !== undefined) return replyOf(earlier)

    const wallet = read(families, request)
    await refuseAnother(factors, userId, families[wallet.family].loginsOf(wallet))

    const begun = await transact(async (transaction) => {
      const admitted = await admit(request, asking, transaction)
      const made = await enrolments.begin({ id: newFactorId(), userId, sessionId, commandId: asking.commandId, wallet, name: request.name ?? null, nonce: newNonce(), ...admitted }, ttlSeconds, transaction)
      await audit.append({
        event: 'factor.enrolment_begun', subject: userId, actor: userId, requestId: asking.requestId,
        facts: { factor: made.id, kind: 'wallet', family: wallet.family, session: sessionId, step_up: stepUpId ?? null, proved_by: admitted.provedBy }
      }, transaction)
      return made
    }).catch(orFirst(oneWalletPerCommand, repeated))
    return replyOf(begun)
  }
}

/** As the gateway's route names it, from the same fields. */
const addWalletAction = ({ family, address, chain_id: chainId }: Request): StepUpAction =>
  ({ type: 'factors.add_wallet', resource_id: [family, address, ...chainId === undefined ? [] : [chainId]].join(':') })

function read (families: Families, { family, address, network, chain_id: chainId }: Request): FactorWallet {
  const fault = (path: string, message: string): Problem => new Problem(problems.schemaViolation, { faults: [{ path, message }] })
  if (!Value.Check(walletAddresses[family], address)) throw fault('body/address', 'is not an address of this family')
  if (chainId !== undefined && family !== 'evm') throw fault('body/chain_id', 'is of Ethereum wallets: send network')
  const account = families[family].read({ address, ...network !== undefined && { network }, ...chainId !== undefined && { chainId } })
  if ('fault' in account) throw fault(account.fault.path, account.fault.message)
  return { family, ...account }
}

/** @param accounts under which it may be filed */
async function refuseAnother (factors: Pick<FactorRepository, 'listOf'>, userId: string, accounts: readonly string[]): Promise<void> {
  const wallets = (await factors.listOf(userId)).filter((factor) => factor.kind === 'wallet')
  if (wallets.some(({ account }) => accounts.includes(account))) throw new Problem(problems.stateConflict, { detail: 'This wallet is a factor of the account already.' })
  if (wallets.length >= mostWallets) throw new Problem(problems.tooMany, { detail: `An account has ${mostWallets} wallets at most.` })
}
