/** The curl commands of a document, run as they stand. The machine's own curl runs them; without one, their few forms are read and asked for. */
import { execFile } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'

export interface CurlAnswer {
  readonly status: number
  readonly text: string
  /** Empty when the answer is no JSON object. */
  readonly json: Readonly<Record<string, unknown>>
}

const run = promisify(execFile)

export const hasCurl = (): Promise<boolean> => run('curl', ['--version']).then(() => true, () => false)

/**
 * @param command one command, which may go over several lines
 * @param port of this machine, asked in the place of whatever host the command names; a command for https must name its host as http first
 */
export async function runCurl (command: string, port: number): Promise<CurlAnswer> {
  const directory = await mkdtemp(join(tmpdir(), 'countersign-curl-'))
  try {
    // Read by curl itself, so that the command stays word for word what it is.
    await writeFile(join(directory, '.curlrc'), `connect-to = "::127.0.0.1:${port}"\nnoproxy = "*"\nsilent\nmax-time = 30\nwrite-out = "\\n%{http_code}"\n`)
    const { stdout } = await run('sh', ['-c', command], { env: { PATH: process.env['PATH'], CURL_HOME: directory } })
    const end = stdout.lastIndexOf('\n')
    return answer(Number(stdout.slice(end + 1)), stdout.slice(0, end))
  } finally {
    await rm(directory, { recursive: true, force: true })
  }
}

/** The same by fetch. @throws Error for an option that it does not know */
export async function fetchCurl (command: string, port: number): Promise<CurlAnswer> {
  const { method, url, headers, body } = parseCurl(command)
  const { pathname, search } = new URL(url)
  const response = await fetch(`http://127.0.0.1:${port}${pathname}${search}`, { method, headers, ...body !== undefined && { body }, redirect: 'manual' })
  return answer(response.status, await response.text())
}

export function parseCurl (command: string): { method: string, url: string, headers: Record<string, string>, body?: string } {
  const [program, ...words] = wordsOf(command)
  if (program !== 'curl') throw new Error(`no curl command: ${command}`)
  const headers: Record<string, string> = {}
  let url = ''
  let method: string | undefined
  let body: string | undefined
  for (let word = words.shift(); word !== undefined; word = words.shift()) {
    if (word === '-X') method = words.shift()
    else if (word === '-d') body = words.shift()
    else if (word === '-H') {
      const [name = '', ...value] = (words.shift() ?? '').split(':')
      headers[name] = value.join(':').trim()
    } else if (!word.startsWith('-')) url = word
    else if (word !== '-s') throw new Error(`an option of curl that is not read here: ${word}`)
  }
  return { method: method ?? (body === undefined ? 'GET' : 'POST'), url, headers, ...body !== undefined && { body } }
}

/** As a shell splits a line: quotes of both kinds, and a backslash at the end of a line. */
const wordsOf = (command: string): string[] =>
  [...command.replaceAll('\\\n', ' ').matchAll(/'([^']*)'|"([^"]*)"|(\S+)/g)].map(([, single, double, bare]) => single ?? double ?? bare ?? '')

function answer (status: number, text: string): CurlAnswer {
  let json: unknown
  try {
    json = JSON.parse(text)
  } catch {
    json = {}
  }
  return { status, text, json: typeof json === 'object' && json !== null ? json as CurlAnswer['json'] : {} }
}
