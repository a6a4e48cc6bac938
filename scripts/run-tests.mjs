// Each test file is a tap program of its own. They run as plain Node processes: the runner's own hooks would slow down
// every service and tool that a test starts.
import { spawn } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { environment, root } from './process.mjs'
import { withSharedMongo } from './shared-mongo.mjs'

const atOnce = 2
const fileTimeoutMs = 300_000

/**
 * Test files, and before them whatever else wants a processor, two at once.
 * @param checks functions that reject when they find a fault; the rest goes on, and the first fault is thrown at the end
 * @returns how many assertions passed and failed; a file that dies or hangs counts as one failure at least.
 */
export const runTests = (files, checks = []) => withSharedMongo(async (env) => {
  mkdirSync(`${root}.local/logs`, { recursive: true })
  const totals = { passed: 0, failed: 0 }
  const faults = []
  const log = []
  const waiting = [
    ...checks.map((check) => () => check().catch((fault) => faults.push(fault))),
    ...files.map((file) => async () => {
      const outcome = await runFile(file, env)
      totals.passed += outcome.passed
      totals.failed += outcome.failed
      log.push(`# ${file}\n${outcome.output}`)
      report(file, outcome)
    })
  ]
  const work = async () => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) await next()
  }
  await Promise.all(Array.from({ length: atOnce }, work))
  writeFileSync(`${root}.local/logs/test.tap`, log.join('\n'))
  if (faults.length > 0) throw faults[0]
  return totals
})

function runFile (file, env) {
  const from = performance.now()
  const child = spawn(process.execPath, [file], {
    cwd: root, stdio: ['ignore', 'pipe', 'pipe'], env: { ...environment(), AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED: 'true', TAP_TIMEOUT: String(fileTimeoutMs / 1000), ...env }
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
  }, fileTimeoutMs)
  return new Promise((resolve) => child.on('close', (code, signal) => {
    clearTimeout(timer)
    process.off('exit', end)
    const total = [...output.matchAll(/^# \{ total: (\d+)(?:, pass: (\d+))?(?:, fail: (\d+))?/gm)].at(-1)
    const passed = Number(total?.[2] ?? 0)
    const failed = Number(total?.[3] ?? 0)
    const sound = code === 0 && total !== undefined && !late
    if (!sound) output += late ? `\nnot ok - ended after ${fileTimeoutMs / 1000} s\n` : `\nnot ok - exit ${signal ?? code}\n`
    resolve({ passed, failed: sound ? failed : Math.max(failed, 1), output, seconds: (performance.now() - from) / 1000 })
  }))
}

/** A line per file; of a file that failed, every failure whole. */
function report (file, { passed, failed, seconds, output }) {
  const source = file.replace('/dist/', '/').replace(/\.js$/, '.ts')
  process.stdout.write(`${failed === 0 ? '✓' : '✗'} ${source} (${passed} passed${failed === 0 ? '' : `, ${failed} failed`}, ${seconds.toFixed(1)} s)\n`)
  if (failed === 0) return
  let printing = false
  for (const line of output.split('\n')) {
    if (/^\s*not ok /.test(line)) printing = true
    else if (/^\s*(ok |# Subtest|1\.\.)/.test(line)) printing = false
    if (printing || /^Bail out|Error:/.test(line)) process.stdout.write(`  ${line}\n`)
  }
}
