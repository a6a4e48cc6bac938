/**
 * Every text of every mail and text message, by name. `{brand}` is PROJECT_NAME and stands everywhere; the other names in braces are filled in by the mail.
 * A file `texts.json` in MAIL_TEMPLATE_DIR replaces any of them. Codes, links and actions are no texts: no replacement leaves them out.
 */
export const catalogue = {
  'code.label': 'Your code',
  'code.life': 'The code is good for {life}, until {until}, for one use.',
  'code.place': 'Type it in only where it was asked for.',
  'link.life': 'Or open this link, good for {life}, until {until}, for one use.',
  'life.minute': '1 minute',
  'life.minutes': '{count} minutes',
  'not_you.ignore': 'If it was not you, ignore this mail: {otherwise} Nobody from {brand} will ever ask you for the code or the link.',
  'not_you.sessions': 'If this was not you, sign in, close the sessions that you do not know and change your password.',
  'time': 'Time: {at}',

  'step_up.subject': 'Your code for {brand}',
  'step_up.confirms': 'The code in this mail confirms exactly this and nothing else:',
  'step_up.read': 'Read what it confirms before you type it in. Nobody from {brand} will ever ask you for it.',

  'signup_code.subject': 'Confirm your address for {brand}',
  'signup_code.does': 'Somebody, probably you, wants to open an account at {brand} with this address. This code confirms that the address is yours.',
  'signup_code.otherwise': 'without the code no account gets your address.',
  'signup_code.open': 'Confirm this address',
  'login_code.subject': 'Sign in to {brand}',
  'login_code.does': 'Somebody, probably you, wants to sign in to {brand} with this address. Whoever has this code gets in.',
  'login_code.otherwise': 'without the code nobody gets in.',
  'login_code.open': 'Sign in',
  'password_reset.subject': 'Reset your password for {brand}',
  'password_reset.does': 'Somebody, probably you, wants to set a new password for your account at {brand}. Whoever has this code can do that.',
  'password_reset.otherwise': 'without the code your password stays as it is.',
  'password_reset.open': 'Set a new password',
  'email_link_code.subject': 'Confirm your address for {brand}',
  'email_link_code.does': 'The account {account} at {brand} wants to use this address to sign in. From then on whoever reads this mailbox can sign in to that account.',
  'email_link_code.otherwise': 'without the code nothing changes.',

  'factor_changed.subject': 'The address of your codes at {brand} was changed',
  'factor_changed.what': 'Codes that confirm transactions now go to {masked} and no longer to this address.',
  'factor_changed.when': 'Time of the change: {at}',
  'factor_changed.not_you': 'If this was not you, tell the operator of this service at once: somebody holds your session and read a code in this mailbox. The operator can lock your account, and take the new address away so that you prove yours anew.',
  'factor_added.subject': 'A second factor was added at {brand}',
  'factor_added.what': 'Added to your account at {at}:',
  'factor_added.not_you': 'If this was not you, somebody is signed in to your account: take the factor away, close the sessions that you do not know, change your password and tell the operator of this service.',
  'factor_added.object': 'If you did not add it, take it away here, until {until}. Opening the page changes nothing yet. Until then the new factor can neither add nor remove others.',
  'factor_added.open': 'I did not add it',
  'first_factor_added.subject': 'A second factor was added at {brand}',
  'first_factor_added.what': 'The first one of your account was added at {at}:',
  'first_factor_added.not_you': 'If this was not you, somebody is signed in to your account: close the sessions that you do not know, change your password and tell the operator of this service, who can take the factor away.',
  'factor_removed.subject': 'A second factor was removed at {brand}',
  'factor_removed.what': 'Removed from your account at {at}:',
  'factor_removed.not_you': 'If this was not you, close the sessions that you do not know, change your password and tell the operator of this service at once: they can lock your account, and take all of its factors away so that you prove yours anew.',
  'factor_locked.subject': 'Your codes at {brand} are locked',
  'factor_locked.what': 'Too many wrong codes were typed in, the last one at {at}. Until the lock ends no code confirms anything at your account, except in a session that has confirmed something before.',
  'factor_locked.what_one': 'Too many wrong codes were typed in, the last one at {at}. Until the lock ends this factor confirms nothing:',
  'factor_locked.until': 'The lock ends by itself at {until}.',
  'factor_locked.closed': 'Too many wrong codes were typed in, the last one at {at}. No code confirms anything at your account any more, and no time ends this: ask the operator of this service to open it again.',
  'factor_locked.not_you': 'If this was not you, somebody is guessing your codes, and is signed in as you: close the sessions that you do not know and change your password.',
  'factor_reset_asked.subject': 'Your second factors at {brand} will be taken away',
  'factor_reset_asked.what': 'At {at} an operator of this service was asked to take the second factors of your account away, because they were said to be lost.',
  'factor_reset_asked.account': 'Account',
  'factor_reset_asked.time': 'Time',
  'factor_reset_asked.not_you': 'If you did not ask for it, answer anything with a code that comes to this address before that time, a second proof for an action or the confirmation of a transaction: that cancels it. And tell the operator of this service at once.',
  'factor_reset_done.subject': 'Your second factors at {brand} were taken away',
  'factor_reset_done.what': 'The second factors of the account {account} were taken away at {at}. No code comes to this address any more.',
  'factor_reset_done.do': 'Prove an address again to have a second factor. If you did not ask for this, tell the operator of this service at once.',

  'session_closed.subject': 'A session at {brand} was closed',
  'session_closed.what': 'A refresh token of your account was used twice, so its session was closed. This happens when a token was copied.',
  'session_closed.do': 'Sign in again. If you did nothing unusual, look for other sessions that you do not know and close them.',
  'new_device.subject': 'A new sign-in to {brand}',
  'new_device.what': 'Somebody signed in to your account from where nobody had before.',
  'new_device.time': 'Time',
  'new_device.method': 'Method',
  'new_device.device': 'Device',
  'new_device.address': 'Address',
  'password_changed.subject': 'Your password at {brand} was changed',
  'password_changed.what': 'The password of your account was changed at {at}. Other sessions were closed.',
  'password_changed.not_you': 'If this was not you, reset your password at once and tell the operator of this service.',
  'identity_linked.subject': 'A way to sign in to {brand} was added',
  'identity_linked.what': 'Added to your account at {at}:',
  'identity_linked.not_you': 'If this was not you, remove it, close the sessions that you do not know and change your password.',
  'identity_unlinked.subject': 'A way to sign in to {brand} was removed',
  'identity_unlinked.what': 'Removed from your account at {at}:',
  'api_key_created.subject': 'An API key was made at {brand}',
  'api_key_created.what': 'Made for your account at {at}:',
  'api_key_created.shown': '{name}, ending in {last4}',
  'api_key_created.not_you': 'If this was not you, revoke it, close the sessions that you do not know and change your password.',
  'email_taken.subject': 'You have an account at {brand}',
  'email_taken.what': 'Somebody tried to sign up at {brand} with your address at {at}. You have an account already, and it was not touched.',
  'email_taken.do': 'If it was you, sign in instead, or reset your password. If it was not, ignore this mail.',
  'account_deleting.subject': 'Your account at {brand} is being deleted',
  'account_deleting.what': 'At {at} the deletion of your account was asked for. Nobody can sign in to it any more, and what is held of it is being removed, for good.',
  'account_deleting.not_you': 'If this was not you, tell whoever runs this service: somebody else was signed in to your account.',
  'account_deleted.subject': 'Your account at {brand} was deleted',
  'account_deleted.what': 'The deletion of your account was completed at {at}. This is the last mail about it.',
  'account_deleted.again': 'You may sign up anew at any time, with the same address and the same wallets. It will be another account.',
  'transaction_confirmed.subject': 'A transaction of yours at {brand} is confirmed',
  'transaction_confirmed.what': 'Confirmed at {at}:',
  'transaction_failed.subject': 'A transaction of yours at {brand} failed',
  'transaction_failed.what': 'Failed at {at}:',
  'transaction_failed.why': 'Reason: {reason}',
  'transaction.id': 'Transaction {id}',
  'transaction.hash': 'On the chain: {hash}',
  'transaction.not_you': 'If you did not ask for this, tell the operator of this service at once.',
  'broadcast.subject': 'A notice from {brand}',

  'wallet_low.subject': '{brand}: a wallet cannot pay',
  'wallet_low.what': 'A wallet has less than the transactions that wait for it need. They go out once it is funded.',
  'wallet_low.wallet': 'Wallet',
  'wallet_low.chain': 'Chain',
  'wallet_low.balance': 'Balance',
  'wallet_low.needed': 'Needed',
  'wallet_low.unit': 'Amounts are in the smallest unit of the chain.',

  'wallet_alarm.subject': '{brand}: a wallet did what nobody asked of it',
  'wallet_alarm.what': 'The chain shows something of a wallet that this system did not do, or does not show what it did. If you did not do it yourself, take the wallet out of use and see who holds its key.',
  'wallet_alarm.wallet': 'Wallet',
  'wallet_alarm.chain': 'Chain',
  'wallet_alarm.alarm': 'Alarm',
  'wallet_alarm.detail': 'What was found',

  'node_alarm.subject': '{brand}: a chain node is not believed',
  'node_alarm.what': 'A node that is configured for a chain serves another one, or tells another history than the other nodes. It is not asked any more until it agrees with them. Until you know which of them is wrong, look at the newest transactions yourself.',
  'node_alarm.chain': 'Chain',
  'node_alarm.node': 'Node, in the order of the configuration',
  'node_alarm.alarm': 'Alarm',
  'node_alarm.detail': 'What was found',

  'sms.code': 'Code',
  'sms.life': 'good for {life}. Not you? Tell it to nobody.',

  'test.subject': 'Test mail of {brand}',
  'test.what': 'This is a test of the mails of {brand}. It confirms nothing.'
} as const

export type TextName = keyof typeof catalogue

/** The names in braces of a text, without `brand`. */
type NamesIn<Text extends string> = Text extends `${string}{${infer Name}}${infer Rest}` ? Exclude<Name, 'brand'> | NamesIn<Rest> : never

type ValuesOf<Name extends TextName> = [NamesIn<typeof catalogue[Name]>] extends [never] ? [] : [values: Readonly<Record<NamesIn<typeof catalogue[Name]>, string>>]

/** A text with its values filled in: plain, not yet escaped for anything. */
export type Say = <Name extends TextName>(name: Name, ...values: ValuesOf<Name>) => string

export type Texts = Readonly<Partial<Record<TextName, string>>>

const braces = /\{([a-z0-9_]+)\}/g

/** Values are put in once: braces inside of them stay as they are. */
export const createSay = (brand: string, texts: Texts = {}): Say => (name, ...[values]) => {
  const given: Readonly<Record<string, string>> = { brand, ...values }
  return (texts[name] ?? catalogue[name]).replace(braces, (whole, key: string) => given[key] ?? whole)
}

/** What is wrong with the texts of an operator; undefined when nothing is. */
export function faultOfTexts (texts: Readonly<Record<string, string>>): string | undefined {
  for (const [name, text] of Object.entries(texts)) {
    if (!(name in catalogue)) return `no mail has a text ${JSON.stringify(name)}`
    const known = new Set(['brand', ...namesIn(catalogue[name as TextName])])
    const foreign = namesIn(text).find((key) => !known.has(key))
    if (foreign !== undefined) return `${name}: there is no {${foreign}} here, only ${[...known].map((key) => `{${key}}`).join(', ')}`
  }
  return undefined
}

const namesIn = (text: string): string[] => [...text.matchAll(braces)].flatMap(([, key]) => key ?? [])
