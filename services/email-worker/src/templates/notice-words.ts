/** The gateway's notices: what happened to an account, and what to do when it was somebody else. They hold no code and no link. */
import type { MailContent } from '@countersign/contracts'
import { says, shows, utc, type Words } from './words.ts'

type Notice = Extract<MailContent, {
  template: 'session_closed' | 'new_device' | 'password_changed' | 'identity_linked' | 'identity_unlinked' | 'api_key_created' | 'email_taken' | 'account_deleting' | 'account_deleted' | 'broadcast'
}>

const notYou = 'If this was not you, sign in, close the sessions that you do not know and change your password.'

export function noticeWords (brand: string, notice: Notice): Words {
  switch (notice.template) {
    case 'session_closed': return {
      subject: `A session at ${brand} was closed`,
      parts: [
        says('A refresh token of your account was used twice, so its session was closed. This happens when a token was copied.'),
        says(`Time: ${utc(notice.parameters.at)}`),
        says('Sign in again. If you did nothing unusual, look for other sessions that you do not know and close them.')
      ]
    }
    case 'new_device': return {
      subject: `A new sign-in to ${brand}`,
      parts: [
        says('Somebody signed in to your account from where nobody had before.'),
        shows([
          `time     ${utc(notice.parameters.at)}`,
          `method   ${notice.parameters.method}`,
          `device   ${notice.parameters.device}`,
          ...notice.parameters.ip === undefined ? [] : [`address  ${notice.parameters.ip}`]
        ].join('\n')),
        says(notYou)
      ]
    }
    case 'password_changed': return {
      subject: `Your password at ${brand} was changed`,
      parts: [says(`The password of your account was changed at ${utc(notice.parameters.at)}. Other sessions were closed.`), says('If this was not you, reset your password at once and tell the operator of this service.')]
    }
    case 'identity_linked': return {
      subject: `A way to sign in to ${brand} was added`,
      parts: [says(`Added to your account at ${utc(notice.parameters.at)}:`), shows(`${notice.parameters.kind}  ${notice.parameters.masked}`), says('If this was not you, remove it, close the sessions that you do not know and change your password.')]
    }
    case 'identity_unlinked': return {
      subject: `A way to sign in to ${brand} was removed`,
      parts: [says(`Removed from your account at ${utc(notice.parameters.at)}:`), shows(`${notice.parameters.kind}  ${notice.parameters.masked}`), says(notYou)]
    }
    case 'api_key_created': return {
      subject: `An API key was made at ${brand}`,
      parts: [says(`Made for your account at ${utc(notice.parameters.at)}:`), shows(`${notice.parameters.name}, ending in ${notice.parameters.last4}`), says('If this was not you, revoke it, close the sessions that you do not know and change your password.')]
    }
    case 'email_taken': return {
      subject: `You have an account at ${brand}`,
      parts: [
        says(`Somebody tried to sign up at ${brand} with your address at ${utc(notice.parameters.at)}. You have an account already, and it was not touched.`),
        says('If it was you, sign in instead, or reset your password. If it was not, ignore this mail.')
      ]
    }
    case 'account_deleting': return {
      subject: `Your account at ${brand} is being deleted`,
      parts: [
        says(`At ${utc(notice.parameters.at)} the deletion of your account was asked for. Nobody can sign in to it any more, and what is held of it is being removed, for good.`),
        says('If this was not you, tell whoever runs this service: somebody else was signed in to your account.')
      ]
    }
    case 'account_deleted': return {
      subject: `Your account at ${brand} was deleted`,
      parts: [
        says(`The deletion of your account was completed at ${utc(notice.parameters.at)}. This is the last mail about it.`),
        says('You may sign up anew at any time, with the same address and the same wallets. It will be another account.')
      ]
    }
    case 'broadcast': return { subject: `A notice from ${brand}`, parts: [shows(notice.parameters.message)] }
  }
}
