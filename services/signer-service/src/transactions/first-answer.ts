/** What was answered first to a request's idempotency key, for every repeat of it. */
import type { CrashPoint } from '../crash-points.ts'
import type { Asking } from './asking.ts'
import type { CountersignedRepository } from './countersigned-repository.ts'
import { isUnavailable, type AskConfirmation, type Choosing } from './request-confirmation.ts'
import type { Countersigned } from './transaction.ts'

export interface FirstAnswerDeps<Row extends Countersigned, View> {
  readonly transactions: Pick<CountersignedRepository<Row>, 'keepFirstAnswer'>
  readonly askConfirmation: AskConfirmation<Row>
  readonly view: (row: Row) => View
  /** What is done at once with a row that waits for nobody. Absent: nothing. */
  readonly finish?: (row: Row) => Promise<Row>
  readonly crashPoint: CrashPoint
}

/** Asks for the confirmation when that has not been done, and keeps what it came to with the answer. @throws Problem what otp-service refuses with, unless it may be asked again */
export type AnswerFirst<Row extends Countersigned, View> = (row: Row, asking: Asking, choosing?: Choosing) => Promise<View>

export const createAnswerFirst = <Row extends Countersigned, View>({ transactions, askConfirmation, view, finish, crashPoint }: FirstAnswerDeps<Row, View>): AnswerFirst<Row, View> => async (row, asking, choosing) => {
  if (row.firstAnswer !== null) return JSON.parse(row.firstAnswer) as View
  try {
    const confirmation = await askConfirmation(row, asking, choosing)
    await crashPoint('create.challenged')
    const finished = row.state === 'approved' ? await finish?.(row) : undefined
    const answer = JSON.stringify(view(finished ?? { ...row, ...confirmation && { confirmation } }))
    const kept = await transactions.keepFirstAnswer({ id: row.id, answer, ...confirmation && { confirmation } })
    await crashPoint('create.answered')
    return JSON.parse(kept) as View
  } catch (error) {
    // The row stays: a repeat of the key, a confirm or a request for a new code asks again.
    if (isUnavailable(error)) return view(row)
    throw error
  }
}
