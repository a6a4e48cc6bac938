import { startSmtpSink, type SmtpSink } from '@countersign/local-stack'
import type { TestContext } from './test-context.ts'

/** A mail server that keeps what it is given; `fail('temporary')` makes it refuse. */
export const startSmtp = async (t: TestContext): Promise<SmtpSink> => {
  const sink = await startSmtpSink()
  t.teardown(sink.close)
  return sink
}
