/** Which factors may answer a challenge. */
import type { Factor } from '../factors/factor.ts'
import type { Challenge } from './challenge.ts'

/**
 * The asker says which kinds confirm; and whoever has a telephone number alone must have been shown the action there, whole.
 * It is asked again with every answer, so that what was asked of one factor is not answered by another kind.
 */
export const mayAnswer = ({ factorKinds, shortText }: Pick<Challenge, 'factorKinds' | 'shortText'>, { kind }: Pick<Factor, 'kind'>): boolean =>
  (factorKinds === undefined || factorKinds.includes(kind)) && (kind !== 'sms' || shortText !== undefined)
