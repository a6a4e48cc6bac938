/** Accounts with a proved address, and their second proofs over the gateway's own routes. */
import { randomUUID } from 'node:crypto'
import { beginEmail, confirmEmail, postStepUp, sendStepUpCode, verifyStepUpProof, type TokenReply } from '@countersign/contracts'
import { ask } from '../gateway/house.ts'
import { askChallenge, openSessions, proofOf, signIn, walletsOf } from '../gateway/sign-in.ts'
import type { Wallet } from '../gateway/wallets.ts'
import type { OtpHouse } from './house.ts'
import type { MailReader } from './mail-reader.ts'

export interface Person {
  readonly wallet: Wallet
  readonly address: string
  readonly headers: Readonly<Record<string, string>>
}

/** A second proof that was asked for, and the factor that may answer. */
export interface Question { readonly person: Person, readonly id: string, readonly factorId: string }

export interface Answerable extends Question { readonly code: string }

type Http = Pick<OtpHouse, 'http'>

/** On a machine with other work an answer may be late. The same request is repeated, as its refusal says, and its time counts. */
async function patiently <T> (work: () => Promise<T>): Promise<T> {
  for (let left = tries; ; left--) {
    try {
      return await work()
    } catch (error) {
      if (left === 0 || !(error instanceof Error && error.message.includes('answered 503'))) throw error
    }
  }
}
const tries = 20

const bearer = ({ access_token: token }: TokenReply) => ({ authorization: `Bearer ${token}` })
const atOnce = 20

/** Some at a time: they are made, not measured. */
export async function manyOf<T> (count: number, make: (index: number) => Promise<T>): Promise<T[]> {
  const made: T[] = []
  while (made.length < count) made.push(...await Promise.all(Array.from({ length: Math.min(atOnce, count - made.length) }, (_, i) => make(made.length + i))))
  return made
}

export async function enrolPeople (house: OtpHouse, mails: MailReader, count: number): Promise<Person[]> {
  const wallets = walletsOf('evm', count)
  const sessions = await openSessions(house, 'evm', wallets)
  return await manyOf(count, async (i) => {
    const person: Person = { wallet: wallets[i] as Wallet, address: `person-${randomUUID()}@example.com`, headers: bearer(sessions[i] as TokenReply) }
    const mailed = mails.nextCode(person.address)
    const { challenge_id } = await ask(house.http, { method: 'POST', path: beginEmail.path, headers: person.headers, body: { email: person.address } }, beginEmail.status) as { challenge_id: string }
    await ask(house.http, { method: 'POST', path: confirmEmail.path, headers: person.headers, body: { challenge_id, code: await mailed } }, confirmEmail.status)
    return person
  })
}

/** The same account in another session. */
export const elsewhere = async (house: Http, person: Person): Promise<Person> =>
  ({ ...person, headers: bearer(await signIn(house, 'evm', proofOf(await askChallenge(house, 'evm', person.wallet)))) })

export async function askStepUp ({ http }: Http, person: Person): Promise<Question> {
  const action = { type: 'api_keys.rotate', resource_id: 'key_01HZZZZZZZZZZZZZZZZZZZZZZZ' }
  const reply = await patiently(async () => await ask(http, { method: 'POST', path: postStepUp.path, headers: person.headers, body: { action } }, postStepUp.status)) as { id: string, factors: { id: string }[] }
  return { person, id: reply.id, factorId: reply.factors[0]?.id ?? '' }
}

export async function sendCode ({ http }: Http, mails: MailReader, question: Question): Promise<Answerable> {
  const { person, id, factorId } = question
  const mailed = mails.nextCode(person.address)
  await patiently(async () => await ask(http, { method: 'POST', path: sendStepUpCode.path.replace(':id', id), headers: person.headers, body: { factor_id: factorId } }, sendStepUpCode.status))
  return { ...question, code: await mailed }
}

export const answer = async ({ http }: Http, { person, id, factorId, code }: Answerable): Promise<{ readonly status: number, readonly body: string }> =>
  await http.call({ method: 'POST', path: verifyStepUpProof.path.replace(':id', id), headers: person.headers, body: { factor_id: factorId, code } })
