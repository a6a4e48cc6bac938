#!/usr/bin/env node
import { createLogger, createMetrics, environmentNotices, readEnvironmentOrExit, runService } from '@countersign/runtime'
import { startApp } from './app.ts'
import { compose } from './compose.ts'
import { configFrom, environment } from './config.ts'

const name = 'otp-service'
const config = configFrom(readEnvironmentOrExit(name, environment, process.env))
const { process: own } = config
const log = createLogger({ service: name, level: own.logLevel, sha: own.sha, environment: own.environment, ...own.logDirectory !== undefined && { directory: own.logDirectory } })
const metrics = createMetrics({ service: name, sha: own.sha, environment: own.environment })
for (const notice of environmentNotices(environment, process.env)) log.warn(notice)

await runService({
  name,
  log,
  deadlineMs: own.stopMs,
  start: async (lifecycle) => {
    const parts = await compose({ config, log, metrics, lifecycle })
    await startApp({ config, parts, log, metrics, lifecycle })
  }
})
