/** What the codes of an enrolment confirm: the text that the mail shows, and the digest that the receipt carries. */
import { emailActionPreimage, type ChallengePurpose } from '@countersign/contracts'
import { actionDigest } from '@countersign/secrets'
import { maskAddress, normaliseAddress } from './factor.ts'

/** Kept on the challenge of the new address: what a right answer will do. */
export interface Enrolment {
  readonly factorId: string
  readonly address: string
  /** The factor that goes when this one comes, and the challenge at its address. Null for a first enrolment. */
  readonly replaces: { readonly factorId: string, readonly challengeId: string } | null
  /** The root of factors without an address, one of which proved that this one may be added. */
  readonly besides?: string
  /** That proof showed it, so that whoever was trusted by their root has agreed to this address. */
  readonly inherits?: true
  /** The factor that proved that this one may be added beside it. It must be there still when this one is confirmed. */
  readonly provedBy?: string
  /** Of a telephone number. */
  readonly name?: string
}

export interface Action {
  readonly digest: string
  readonly text: string
}

export type EmailPurpose = Extract<ChallengePurpose, 'email_enrol' | 'email_change'>

/** @returns SHA-256 of the contract's preimage, 0x hex: user, purpose and normalised new address are bound by it. */
export const emailActionDigest = (purpose: EmailPurpose, userId: string, address: string): string =>
  actionDigest(emailActionPreimage(purpose, userId, normaliseAddress(address)))

/** Goes to the new address: a person who never asked must see what a stranger could do with the code. */
export const enrolAction = (userId: string, address: string, replaces: string | undefined): Action => ({
  digest: emailActionDigest('email_enrol', userId, address),
  text: [
    `Add this e-mail address to the account ${userId}.`,
    '',
    `Address: ${address}`,
    replaces === undefined ? 'It becomes the address that confirms the transactions of this account.' : `It takes the place of ${maskAddress(replaces)}; a second code went there.`,
    'Whoever has this code can do that. If you did not ask for it, do nothing: without the code nothing changes.'
  ].join('\n')
})

/** Goes to the old address, whose owner alone may give the factor away, and therefore sees the new one in full. */
export const changeAction = (userId: string, address: string): Action => ({
  digest: emailActionDigest('email_change', userId, address),
  text: [
    `Replace this e-mail address of the account ${userId}.`,
    '',
    `New address: ${address}`,
    'From then on, codes that confirm transactions go to the new address and no longer to this one.',
    'If you did not ask for it, do not give this code to anybody: somebody else is signed in to your account.'
  ].join('\n')
})
