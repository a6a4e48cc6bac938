/** Notices: what happened, and what to do when it was somebody else. They hold no code, and no link but the one that takes a new factor away. */
import type { MailContent } from '@countersign/contracts'
import { quotes, says, shows, showsLink, showsTable, utc, type Part, type Voice, type Words } from './words.ts'

type Notice = Exclude<MailContent, { template: 'code' | 'signup_code' | 'login_code' | 'password_reset' | 'email_link_code' }>

export const noticeWords = (voice: Voice, notice: Notice): Words => ({ subject: voice.say(`${notice.template}.subject`), parts: partsOf(voice, notice) })

function partsOf ({ say }: Voice, notice: Notice): Part[] {
  const notYou = (): Part => says(say('not_you.sessions'))
  switch (notice.template) {
    case 'factor_changed': return [
      says(say('factor_changed.what', { masked: notice.parameters.masked })),
      says(say('factor_changed.when', { at: utc(notice.parameters.at) })),
      says(say('factor_changed.not_you'))
    ]
    case 'factor_added': {
      const { at, factor, link } = notice.parameters
      return [
        says(say('factor_added.what', { at: utc(at) })), shows(factor),
        ...link === undefined ? [] : [says(say('factor_added.object', { until: utc(link.expires_at) })), showsLink(say('factor_added.open'), link.url)],
        says(say('factor_added.not_you'))
      ]
    }
    case 'first_factor_added': return [says(say('first_factor_added.what', { at: utc(notice.parameters.at) })), shows(notice.parameters.factor), says(say('first_factor_added.not_you'))]
    case 'factor_removed': return [says(say('factor_removed.what', { at: utc(notice.parameters.at) })), shows(notice.parameters.factor), says(say('factor_removed.not_you'))]
    case 'factor_locked': {
      const { at, closed, until, factor } = notice.parameters
      return [
        ...factor === undefined ? [says(say(closed ? 'factor_locked.closed' : 'factor_locked.what', { at: utc(at) }))] : [says(say('factor_locked.what_one', { at: utc(at) })), shows(factor)],
        ...until === undefined ? [] : [says(say('factor_locked.until', { until: utc(until) }))],
        says(say('factor_locked.not_you'))
      ]
    }
    case 'factor_reset_asked': return [
      says(say('factor_reset_asked.what', { at: utc(notice.parameters.at) })),
      showsTable([[say('factor_reset_asked.account'), notice.parameters.account], [say('factor_reset_asked.time'), utc(notice.parameters.due_at)]]),
      says(say('factor_reset_asked.not_you'))
    ]
    case 'factor_reset_done': return [
      says(say('factor_reset_done.what', { account: notice.parameters.account, at: utc(notice.parameters.at) })), says(say('factor_reset_done.do'))
    ]
    case 'session_closed': return [says(say('session_closed.what')), says(say('time', { at: utc(notice.parameters.at) })), says(say('session_closed.do'))]
    case 'new_device': return [
      says(say('new_device.what')),
      showsTable([
        [say('new_device.time'), utc(notice.parameters.at)],
        [say('new_device.method'), notice.parameters.method],
        [say('new_device.device'), notice.parameters.device],
        ...notice.parameters.ip === undefined ? [] : [[say('new_device.address'), notice.parameters.ip] as const]
      ]),
      notYou()
    ]
    case 'password_changed': return [says(say('password_changed.what', { at: utc(notice.parameters.at) })), says(say('password_changed.not_you'))]
    case 'identity_linked': return [
      says(say('identity_linked.what', { at: utc(notice.parameters.at) })), shows(`${notice.parameters.kind}  ${notice.parameters.masked}`), says(say('identity_linked.not_you'))
    ]
    case 'identity_unlinked': return [says(say('identity_unlinked.what', { at: utc(notice.parameters.at) })), shows(`${notice.parameters.kind}  ${notice.parameters.masked}`), notYou()]
    case 'api_key_created': return [
      says(say('api_key_created.what', { at: utc(notice.parameters.at) })),
      shows(say('api_key_created.shown', { name: notice.parameters.name, last4: notice.parameters.last4 })),
      says(say('api_key_created.not_you'))
    ]
    case 'email_taken': return [says(say('email_taken.what', { at: utc(notice.parameters.at) })), says(say('email_taken.do'))]
    case 'account_deleting': return [says(say('account_deleting.what', { at: utc(notice.parameters.at) })), says(say('account_deleting.not_you'))]
    case 'account_deleted': return [says(say('account_deleted.what', { at: utc(notice.parameters.at) })), says(say('account_deleted.again'))]
    case 'transaction_confirmed': return [
      says(say('transaction_confirmed.what', { at: utc(notice.parameters.at) })),
      shows(notice.parameters.text),
      says(say('transaction.id', { id: notice.parameters.transaction_id })),
      says(say('transaction.hash', { hash: notice.parameters.hash })),
      says(say('transaction.not_you'))
    ]
    case 'transaction_failed': return [
      says(say('transaction_failed.what', { at: utc(notice.parameters.at) })),
      shows(notice.parameters.text),
      says(say('transaction_failed.why', { reason: notice.parameters.reason })),
      says(say('transaction.id', { id: notice.parameters.transaction_id })),
      says(say('transaction.not_you'))
    ]
    case 'broadcast': return [quotes(notice.parameters.message)]
    case 'wallet_low': return [
      says(say('wallet_low.what')),
      showsTable([
        [say('wallet_low.wallet'), notice.parameters.wallet_id],
        [say('wallet_low.chain'), String(notice.parameters.chain_id)],
        [say('wallet_low.balance'), notice.parameters.balance],
        [say('wallet_low.needed'), notice.parameters.needed]
      ]),
      says(say('wallet_low.unit'))
    ]
    case 'wallet_alarm': return [
      says(say('wallet_alarm.what')),
      showsTable([
        [say('wallet_alarm.wallet'), notice.parameters.wallet_id],
        [say('wallet_alarm.chain'), String(notice.parameters.chain_id)],
        [say('wallet_alarm.alarm'), notice.parameters.alarm],
        [say('wallet_alarm.detail'), notice.parameters.detail]
      ])
    ]
    case 'node_alarm': return [
      says(say('node_alarm.what')),
      showsTable([
        [say('node_alarm.chain'), String(notice.parameters.chain_id)],
        [say('node_alarm.node'), String(notice.parameters.node)],
        [say('node_alarm.alarm'), notice.parameters.alarm],
        [say('node_alarm.detail'), notice.parameters.detail]
      ])
    ]
  }
}
