/** What any process of the house needs: environment, logs, metrics, start and stop, ids, time, the command line. */
export {
  variable, listVariable, jsonVariable, defineEnvironment,
  type Environment, type EnvironmentRule, type EnvironmentSource, type Secrecy, type StrictRule, type Values, type Variable, type VariableOptions, type Variables
} from './environment/variable.ts'
export { readEnvironment, EnvironmentFault } from './environment/read.ts'
export { isGuardedUrl, isStrict } from './environment/strict.ts'
export { checkEnvironment, environmentNotices, unusedNames, type CheckedVariable } from './environment/check.ts'
export { describeEnvironment, type DescribedVariable } from './environment/describe.ts'
export { generateEnvironmentFile, type EnvironmentFileOptions, type EnvironmentSection } from './environment/file.ts'
export { commonRules, commonVariables, metricsApiKeyOf, processConfigFrom } from './environment/common.ts'
export { createLogger, type DestinationStream, type Logger, type LoggerOptions } from './log/logger.ts'
export { serializeError, type LoggedError } from './log/error.ts'
export { scrubText } from './log/scrub.ts'
export {
  createMetrics,
  type Counter, type Gauge, type GaugeOptions, type Histogram, type HistogramOptions, type MetricOptions, type Metrics, type MetricsSource, type Registry
} from './metrics/metrics.ts'
export { runService, type Lifecycle, type RunServiceOptions } from './lifecycle/run-service.ts'
export { readEnvironmentOrExit } from './lifecycle/environment-or-exit.ts'
export { retryWithin, type Attempt, type RetryOptions } from './lifecycle/retry.ts'
export { createBoundedQueue, type BoundedQueue, type BoundedQueueOptions } from './load-shedding/bounded-queue.ts'
export { lowestId, newId, timeOfId } from './ids.ts'
export { clockFrom, systemClock, type Clock } from './clock.ts'
export { createCli, exitCodes, UsageFault, type Cli, type CliCommand, type CliOptions, type CommandContext, type ExitCode } from './cli/create-cli.ts'
export { printJson, printTable, type Cell, type Row, type Write } from './cli/output.ts'
export { environmentCommands, type EnvironmentCommandsOptions } from './cli/environment-commands.ts'
