// Each test file is a tap program; some share a process (test-files.mjs, run-group.mjs). They run as plain Node processes: the runner's own hooks would
// slow down every service and tool that a test starts.
import { spawn } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { environment, root } from './process.mjs'
import { withSharedMongo } from './shared-mongo.mjs'

const fileTimeoutMs = 600_000

/**
 * Groups of test files, and whatever else wants a processor, three at once: half of the time of most of them is waiting.
 * @param groups lists of compiled files, the longest first: each list is run in one process
 * @param checks functions that reject when they find a fault; the rest goes on, and the first fault is thrown at the end
 * @returns how many assertions passed and failed; a file that dies or hangs counts as one failure at least.
 */
export async function runTests (groups, checks = []) {
  mkdirSync(`${root}.local/logs`, { recursive: true })
  const totals = { passed: 0, failed: 0 }
  const faults = []
  const log = []
  const times = []
  const waiting = (env) => [
    ...groups.map((group) => async () => {
      const { files, output } = await runGroup(group, env)
      log.push(output)
      times.push(...files)
      for (const { passed, failed } of files) {
        totals.passed += passed
        totals.failed += failed
      }
      report({ files, output })
    }),
    ...checks.map((check) => () => check().catch((fault) => faults.push(fault)))
  ]
  await withSharedMongo(async (env) => {
    const work = waiting(env)
    // One from the front: the long files, which come first, stand never beside one another. Two from the end.
    const takes = [() => work.shift(), () => work.pop(), () => work.pop()]
    await Promise.all(takes.map(async (take) => {
      for (let next = take(); next !== undefined; next = take()) await next()
    }))
  })
  writeFileSync(`${root}.local/logs/test.tap`, log.join('\n'))
  writeFileSync(`${root}.local/logs/test-times.txt`, times.sort((a, b) => b.processorSeconds - a.processorSeconds).map(lineOf).join(''))
  if (faults.length > 0) throw faults[0]
  return totals
}

async function runGroup (group, env) {
  const child = spawn(process.execPath, ['scripts/run-group.mjs'], {
    cwd: root, stdio: ['ignore', 'pipe', 'pipe'], env: { ...environment(), TEST_FILES: JSON.stringify(group), AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED: 'true', TAP_TIMEOUT: String(fileTimeoutMs / 1000), ...env }
  })
  const end = () => child.kill('SIGTERM')
  process.once('exit', end)
  let output = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8')
    stream.on('data', (text) => { output += text })
  }
  let late = false
  const timer = setTimeout(() => {
    late = true
    child.kill('SIGTERM')
    setTimeout(() => child.kill('SIGKILL'), 20_000).unref()
  }, fileTimeoutMs * group.length)
  const [code, signal] = await new Promise((resolve) => child.on('close', (...ending) => resolve(ending)))
  clearTimeout(timer)
  process.off('exit', end)

  const told = [...output.matchAll(/^# file (\{.*\})$/gm)].map(([, line]) => JSON.parse(line))
  const files = group.map((file) => told.find((one) => one.file === file) ?? { file, passed: 0, failed: 0, seconds: 0, processorSeconds: 0 })
  // One that died, or was never reached.
  for (const file of files) if (file.passed + file.failed === 0) file.failed = 1
  if (code !== 0 || late) {
    output += `\nnot ok - ${late ? `ended after ${fileTimeoutMs * group.length / 1000} s` : `exit ${signal ?? code}`}\n`
    if (files.every(({ failed }) => failed === 0)) files.at(-1).failed = 1
  }
  return { output, files }
}

const lineOf = ({ file, passed, failed, seconds, processorSeconds }) =>
  `${failed === 0 ? '✓' : '✗'} ${file.replace('/dist/', '/').replace(/\.js$/, '.ts')} (${passed} passed${failed === 0 ? '' : `, ${failed} failed`}, ${seconds.toFixed(1)} s, of a processor ${processorSeconds.toFixed(1)} s)\n`

/** A line per file; of a group in which something failed, every failure whole. */
function report ({ files, output }) {
  for (const file of files) process.stdout.write(lineOf(file))
  if (files.every(({ failed }) => failed === 0)) return
  let printing = false
  for (const line of output.split('\n')) {
    if (/^\s*not ok /.test(line)) printing = true
    else if (/^\s*(ok |# |1\.\.)/.test(line)) printing = false
    if (printing || /^Bail out|Error:/.test(line)) process.stdout.write(`  ${line}\n`)
  }
  if (!/^# \{ total:/m.test(output)) process.stdout.write(`  it ended with:\n${output.split('\n').slice(-40).join('\n')}\n`)
}
