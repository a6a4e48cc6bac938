/** One mail of each template and a text message, for a look at them. Nobody's data. */
import type { MailContent, MailTemplate, SmsContent } from '@countersign/contracts'

const minuteMs = 60_000

/** Codes in them have just been made. */
export function exampleMails (now: Date): { readonly [Template in MailTemplate]: Extract<MailContent, { template: Template }> } {
  const to = 'ada@example.com'
  const at = now.toISOString()
  const inMinutes = (minutes: number): string => new Date(now.getTime() + minutes * minuteMs).toISOString()
  const proof = { code: '082917', expires_at: inMinutes(10), link: { url: `https://app.example.com/link#token=${'Ex4mple_'.repeat(5)}abc`, expires_at: inMinutes(30) } }
  const payment = 'Send 1.5 ETH\n  to   0x000000000000000000000000000000000000dEaD\n  from the wallet "Household"'
  const account = 'usr_01HZZZZZZZZZZZZZZZZZZZZZZZ'
  const transaction = { transaction_id: 'tx_01HZZZZZZZZZZZZZZZZZZZZZZZ', text: payment, at }
  return {
    code: { template: 'code', to, parameters: { code: '493817', text: payment, expires_at: inMinutes(5) } },
    signup_code: { template: 'signup_code', to, parameters: proof },
    login_code: { template: 'login_code', to, parameters: proof },
    password_reset: { template: 'password_reset', to, parameters: proof },
    email_link_code: { template: 'email_link_code', to, parameters: { code: '082917', expires_at: inMinutes(10), account } },
    factor_changed: { template: 'factor_changed', to, parameters: { masked: 'l***@e***.com', at } },
    factor_added: { template: 'factor_added', to, parameters: { factor: 'Authenticator app: Telephone', at, link: { ...proof.link, expires_at: inMinutes(2_880) } } },
    first_factor_added: { template: 'first_factor_added', to, parameters: { factor: 'Passkey', at } },
    factor_removed: { template: 'factor_removed', to, parameters: { factor: 'Recovery codes', at } },
    factor_locked: { template: 'factor_locked', to, parameters: { at, closed: false, until: inMinutes(15) } },
    factor_reset_asked: { template: 'factor_reset_asked', to, parameters: { account, at, due_at: inMinutes(4_320) } },
    factor_reset_done: { template: 'factor_reset_done', to, parameters: { account, at } },
    session_closed: { template: 'session_closed', to, parameters: { at } },
    new_device: { template: 'new_device', to, parameters: { at, ip: '203.0.113.7', device: 'Firefox on Linux', method: 'wallet (eip155)' } },
    password_changed: { template: 'password_changed', to, parameters: { at } },
    identity_linked: { template: 'identity_linked', to, parameters: { kind: 'Solana wallet', masked: '7xKX…gAsU', at } },
    identity_unlinked: { template: 'identity_unlinked', to, parameters: { kind: 'e-mail address', masked: 'a***@e***.com', at } },
    api_key_created: { template: 'api_key_created', to, parameters: { name: 'Bookkeeping', last4: 'x9Zq', at } },
    email_taken: { template: 'email_taken', to, parameters: { at } },
    account_deleting: { template: 'account_deleting', to, parameters: { at } },
    account_deleted: { template: 'account_deleted', to, parameters: { at } },
    transaction_confirmed: { template: 'transaction_confirmed', to, parameters: { ...transaction, hash: `0x${'5c'.repeat(32)}` } },
    transaction_failed: { template: 'transaction_failed', to, parameters: { ...transaction, reason: 'the chain refused it' } },
    broadcast: { template: 'broadcast', to, parameters: { message: 'Tonight between 22:00 and 23:00 UTC nothing can be signed.\n\nThe operators' } },
    wallet_low: { template: 'wallet_low', to, parameters: { wallet_id: 'wal_01HZZZZZZZZZZZZZZZZZZZZZZZ', chain_id: 1, balance: '1000000000', needed: '25000000000000' } },
    wallet_alarm: { template: 'wallet_alarm', to, parameters: { wallet_id: 'wal_01HZZZZZZZZZZZZZZZZZZZZZZZ', chain_id: 1, alarm: 'foreign_transaction', detail: 'nonce 7 was used by a transaction that is none of ours' } },
    node_alarm: { template: 'node_alarm', to, parameters: { chain_id: 1, node: 2, alarm: 'distrusted', detail: 'block 19000000 is 0x12 there and 0x34 elsewhere' } }
  }
}

export const exampleSms = (now: Date): SmsContent => ({
  template: 'code', to: '+41790000012', parameters: { code: '493817', text: 'Replace an API key: key_01HZZZZZZZZZZZZZZZZZZZZZZZ', expires_at: new Date(now.getTime() + 5 * minuteMs).toISOString() }
})
