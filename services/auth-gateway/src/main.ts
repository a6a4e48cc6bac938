import { createLogger, environmentNotices, readEnvironmentOrExit, runService } from '@countersign/runtime'
import { compose } from './compose.ts'
import { configFrom, environment } from './config.ts'

const config = configFrom(readEnvironmentOrExit('auth-gateway', environment, process.env))
const log = createLogger({ service: 'auth-gateway', ...config.log, environment: config.label })
for (const notice of environmentNotices(environment, process.env)) log.warn(notice)

await runService({
  name: 'auth-gateway',
  log,
  deadlineMs: config.stopTimeoutSeconds * 1000,
  start: async (lifecycle) => { await compose(config, log, lifecycle) }
})
