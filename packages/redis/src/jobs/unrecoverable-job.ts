import { UnrecoverableError } from 'bullmq'

/** Thrown by a handler when no further attempt can help. The message is kept in Redis, so it names no person and no secret. */
export class UnrecoverableJob extends UnrecoverableError {}
