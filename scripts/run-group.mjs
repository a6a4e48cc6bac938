// Test files one after the other in one process, so that what they all import is loaded once. Each file's root test is a subtest of this one: what it
// set up is taken down before the next file begins. TEST_FILES: compiled test files, relative to the root, as JSON; not as arguments, because tap would
// make the names of its folders of them.
import './plain-promises.mjs'
import t from 'tap'
import { processorSeconds, root } from './process.mjs'

const verbs = ['test', 'teardown', 'before', 'beforeEach', 'after', 'afterEach', 'comment']
const own = Object.fromEntries(verbs.map((verb) => [verb, t[verb].bind(t)]))
let current

for (const verb of verbs) Object.defineProperty(t, verb, { get: () => current === undefined ? own[verb] : current[verb].bind(current) })
Object.defineProperty(t, 'jobs', { get: () => current?.jobs ?? 1, set: (jobs) => { current.jobs = jobs } })
// Each file has its own limit (TAP_TIMEOUT).
const timeout = t.options.timeout
t.setTimeout(0)

for (const file of JSON.parse(process.env.TEST_FILES)) {
  const [from, used] = [performance.now(), processorSeconds()]
  let counts
  await own.test(file, { timeout, at: null }, async (given) => {
    current = given
    counts = given.counts
    await import(`${root}${file}`)
  })
  current = undefined
  // None when what an earlier file left behind has ended everything.
  const { pass: passed = 0, fail: failed = 0 } = counts ?? {}
  own.comment(`file ${JSON.stringify({ file, passed, failed, seconds: (performance.now() - from) / 1000, processorSeconds: processorSeconds() - used })}`)
}
