/** Mails of the signer to the operator: sealed whole, written with the outbox, delivered by email-worker. */
import { MailContent, mailFromSigner, mailSealContext, type MailPayload } from '@countersign/contracts'
import type { Outbox, OutboxDispatcher } from '@countersign/mongo'
import { seal } from '@countersign/secrets'
import { Value } from 'typebox/value'
import type { Unit } from '../unit.ts'

export interface OperatorMailDeps {
  readonly outbox: Pick<Outbox, 'insert'>
  readonly dispatcher: Pick<OutboxDispatcher, 'dispatch'>
  /** 32 bytes that only this service and email-worker hold. */
  readonly sealKey: Uint8Array
  /** Undefined: nobody is told. */
  readonly operator: string | undefined
  readonly now: () => Date
  readonly newDeliveryId: () => string
  readonly newRequestId: () => string
}

/** A wallet that is low today may be full tomorrow. */
const usefulMs = 24 * 3_600_000

type OperatorMail<Template extends MailContent['template']> = Extract<MailContent, { template: Template }>['parameters']

/** @returns a function that writes the mail into the given unit of work and hands it over after the commit. */
export const createTellOperator = (deps: OperatorMailDeps) => {
  const write = createWriteMail(deps)
  return async (unit: Unit, parameters: OperatorMail<'wallet_low'>): Promise<void> => { await write(unit, (to) => ({ template: 'wallet_low', to, parameters })) }
}

export const createTellAlarm = (deps: OperatorMailDeps) => {
  const write = createWriteMail(deps)
  return async (unit: Unit, parameters: OperatorMail<'wallet_alarm'>): Promise<void> => { await write(unit, (to) => ({ template: 'wallet_alarm', to, parameters })) }
}

export const createTellNodeAlarm = (deps: OperatorMailDeps) => {
  const write = createWriteMail(deps)
  return async (unit: Unit, parameters: OperatorMail<'node_alarm'>): Promise<void> => { await write(unit, (to) => ({ template: 'node_alarm', to, parameters })) }
}

const createWriteMail = ({ outbox, dispatcher, sealKey, operator, now, newDeliveryId, newRequestId }: OperatorMailDeps) =>
  async (unit: Unit, contentFor: (to: string) => MailContent): Promise<void> => {
    if (operator === undefined) return
    const content = contentFor(operator)
    const { template } = content
    if (!Value.Check(MailContent, content)) throw new TypeError(`the mail ${template} breaks its contract`)
    const head = { delivery_id: newDeliveryId(), useful_until: new Date(now().getTime() + usefulMs).toISOString() }
    const payload: MailPayload = {
      ...head,
      request_id: newRequestId(),
      sealed: seal({ key: sealKey, plaintext: JSON.stringify(content), associated: mailSealContext(mailFromSigner.name, head) })
    }
    const row = await outbox.insert({ queue: mailFromSigner.name, jobId: mailFromSigner.jobId(payload), payload, usefulUntil: { inMs: usefulMs } }, unit.session)
    unit.afterCommit(() => { void dispatcher.dispatch(row) })
  }
