import { startSmsSink, type SmsSink } from '@countersign/local-stack'
import type { TestContext } from './test-context.ts'

/** A provider of text messages that keeps what it is given; `fail('too many')` makes it refuse. */
export const startSms = async (t: TestContext, token?: string): Promise<SmsSink> => {
  const sink = await startSmsSink(token === undefined ? {} : { token })
  t.teardown(sink.close)
  return sink
}
