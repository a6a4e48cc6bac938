/**
 * A callee in a process of its own, with a clock of its own: `callee-process.js <redis url> <clock offset in ms>`.
 * Every command that reaches its handler is written to the Redis list `handled`.
 */
const [url = '', offset = '0'] = process.argv.slice(2)

const RealDate = Date
globalThis.Date = class extends RealDate {
  constructor (...given: unknown[]) {
    if (given.length === 0) super(RealDate.now() + Number(offset))
    else super(...given as [number])
  }

  static override now (): number { return RealDate.now() + Number(offset) }
} as DateConstructor

// Loaded after the clock is set, so that nothing keeps the right one.
const { connectRedis, handle, startCommandServer } = await import('../../src/index.ts')
const { echo, telemetry } = await import('./echo.ts')

const { log, metrics } = telemetry('otp-service')
const redis = await connectRedis({ url, name: 'handled', log })
await startCommandServer({
  url, service: 'otp-service', log, metrics,
  handlers: [handle(echo, async ({ word }, { commandId }) => {
    await redis.rpush('handled', commandId)
    if (word === 'for ever') await new Promise(() => undefined)
    return { word: word === 'metrics' ? (await metrics.text()).match(/command_handled_total\{[^}]*expired[^}]*\} (\d+)/)?.[1] ?? '0' : word }
  })]
})
process.stdout.write('ready\n')
