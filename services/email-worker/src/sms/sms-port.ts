/** What this service needs of a provider of text messages. */
import { DeliveryFault, type FaultKind } from '../deliveries/delivery-fault.ts'

export interface SmsMessage {
  /** E.164 */
  readonly to: string
  readonly text: string
  /** The same for every attempt at one message. */
  readonly idempotencyKey: string
}

export interface SmsPort {
  /** @returns the provider's name for the message. @throws SmsFault */
  send (message: SmsMessage): Promise<{ readonly providerId: string }>
}

export class SmsFault extends DeliveryFault {
  constructor (reason: string, kind: FaultKind = {}) {
    super('text message', reason, kind)
    this.name = 'SmsFault'
  }
}

/** Without a provider nothing waits for one: each message fails, and is counted. */
export const noProvider: SmsPort = { send: () => Promise.reject(new SmsFault('no provider is set (SMS_PROVIDER_URL)', { permanent: true })) }
