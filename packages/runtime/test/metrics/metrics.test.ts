import t from 'tap'
import { createMetrics } from '../../src/index.ts'

void t.test('a process shows its build, its own metrics and its heap limit in the text format', async (t) => {
  const metrics = createMetrics({ service: 'otp-service', sha: 'abc123', environment: 'test' })

  const text = await metrics.text()

  t.match(text, 'build_info{sha="abc123",service="otp-service",environment="test"} 1')
  t.match(text, /^nodejs_heap_limit_bytes \d{8,}/m)
  t.match(text, /^process_cpu_seconds_total /m)
  t.match(metrics.contentType, /^text\/plain/)
})

void t.test('asked twice, a factory gives the same metric; another kind under the name is a mistake', async (t) => {
  const metrics = createMetrics({ service: 'x', sha: 'y' })
  const first = metrics.counter({ name: 'otp_verify_success', help: 'h', labels: ['purpose'] })
  first.inc({ purpose: 'transaction' })
  metrics.counter({ name: 'otp_verify_success', help: 'h', labels: ['purpose'] }).inc({ purpose: 'transaction' })
  const gauge = metrics.gauge({ name: 'depth', help: 'h' })
  const histogram = metrics.histogram({ name: 'took_seconds', help: 'h', labels: ['route'], buckets: [60, 300] })
  metrics.histogram({ name: 'default_seconds', help: 'h' }).observe(0.003)
  histogram.observe({ route: '/' }, 61)

  const text = await metrics.text()

  t.match(text, 'otp_verify_success{purpose="transaction"} 2')
  t.match(text, 'took_seconds_bucket{le="300",route="/"} 1')
  t.match(text, 'default_seconds_bucket{le="0.005"} 1')
  t.equal(metrics.gauge({ name: 'depth', help: 'h' }), gauge)
  t.equal(metrics.histogram({ name: 'took_seconds', help: 'h' }), histogram)
  t.throws(() => metrics.counter({ name: 'depth', help: 'h' }), /depth was declared before as something else/)
})

void t.test('a gauge may be set at each scrape, and two processes in one test do not share', async (t) => {
  let depth = 0
  const metrics = createMetrics({ service: 'x', sha: 'y' })
  metrics.gauge({ name: 'queue_depth', help: 'h', collect: async (gauge) => { gauge.set(++depth) } })

  t.match(await metrics.text(), /^queue_depth 1$/m)
  t.match(await metrics.text(), /^queue_depth 2$/m)
  t.notMatch(await createMetrics({ service: 'x', sha: 'z' }).text(), 'queue_depth')
})
