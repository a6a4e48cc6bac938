/**
 * Questions that any of a user's factors may answer: of the gateway about its own actions, of the signer about what it signs. Each command
 * belongs to one of them, and finds challenges of that purpose alone.
 */
export type QuestionPurpose = 'step_up' | 'transaction'
