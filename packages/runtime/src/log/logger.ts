/** One JSON object per line on stdout; `LOG_DIR` also gets a file per service. */
import { join } from 'node:path'
import { destination, multistream, pino, stdTimeFunctions, type Bindings, type ChildLoggerOptions, type DestinationStream, type Logger } from 'pino'
import { serializeError } from './error.ts'
import { redactFields } from './redaction.ts'
import { scrubPath, scrubText } from './scrub.ts'

export type { DestinationStream, Logger } from 'pino'

export interface LoggerOptions {
  readonly service: string
  /** pino's names: trace, debug, info, warn, error, fatal, silent. */
  readonly level: string
  readonly sha: string
  readonly environment: string
  /** Folder of the file copy (`<directory>/<service>.log`), made when absent. */
  readonly directory?: string
  /** Instead of stdout, for tests. */
  readonly destination?: DestinationStream
}

/**
 * @returns a logger whose every line carries `service`, `environment`, `sha` and `pid`, whose fields are redacted by name at any
 * depth, and whose errors keep type, message, stack and code alone.
 */
export function createLogger ({ service, level, sha, environment, directory, destination: given }: LoggerOptions): Logger {
  const logger = pino({
    level,
    base: { service, environment, sha, pid: process.pid },
    timestamp: stdTimeFunctions.isoTime,
    formatters: { level: (label) => ({ level: label }), log: redactFields },
    serializers: {
      err: serializeError,
      msg: (text: unknown) => typeof text === 'string' ? scrubText(text) : text,
      req: requestFields,
      res: replyFields
    }
  }, streamOf(service, directory, given))
  return redactChildren(logger)
}

/** Writes are synchronous: the last line before a crash is the one that matters. */
function streamOf (service: string, directory: string | undefined, given: DestinationStream | undefined): DestinationStream {
  const out = given ?? destination({ dest: 1, sync: true })
  if (directory === undefined) return out
  const file = destination({ dest: join(directory, `${service}.log`), mkdir: true, append: true, sync: true })
  // The logger filters by level already; each stream takes what it is given.
  return multistream([{ stream: out, level: 'trace' }, { stream: file, level: 'trace' }])
}

/** pino's formatters do not see the bindings of children, and its own redaction cannot spare `err.code`. */
function redactChildren (logger: Logger): Logger {
  const { child, setBindings } = logger
  return Object.assign(logger, {
    child (this: Logger, bindings: Bindings, options?: ChildLoggerOptions) {
      return Reflect.apply(child, this, [redactFields(bindings), options])
    },
    setBindings (this: Logger, bindings: Bindings) {
      setBindings.call(this, redactFields(bindings))
    }
  })
}

interface RequestLike { readonly id?: unknown, readonly method?: unknown, readonly url?: unknown }

/** Query strings, headers and long parts of a path may hold credentials, so none is kept. */
function requestFields (request: unknown): unknown {
  if (typeof request !== 'object' || request === null) return undefined
  const { id, method, url } = request as RequestLike
  return { id, method, url: typeof url === 'string' ? scrubPath(url) : undefined }
}

function replyFields (reply: unknown): unknown {
  if (typeof reply !== 'object' || reply === null) return undefined
  return { statusCode: (reply as { statusCode?: unknown }).statusCode }
}
