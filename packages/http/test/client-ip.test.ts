import t from 'tap'
import type { FastifyRequest } from 'fastify'
import { clientAddress, clientIp } from '../src/index.ts'
import { canonicalAddress } from '../src/client-ip.ts'

const requestOf = (remoteAddress: string | undefined, trustedHops = 0, forwarded?: string) => ({
  server: { trustedHops }, raw: { socket: { remoteAddress } }, headers: forwarded === undefined ? {} : { 'x-forwarded-for': forwarded }
}) as unknown as FastifyRequest
const ipOf = (...given: Parameters<typeof requestOf>) => clientIp(requestOf(...given))

void t.test('eight spellings of one IPv6 address are one caller', async (t) => {
  const spellings = [
    '2001:db8:0:1:0:0:0:a', '2001:0db8:0000:0001:0000:0000:0000:000a', '2001:DB8:0:1::A', '2001:db8:0:1::a',
    '2001:db8:0:1::a%eth0', '[2001:db8:0:1::a]', '[2001:db8:0:1::a]:443', '2001:db8:0:1::0.0.0.10'
  ]

  t.strictSame([...new Set(spellings.map(canonicalAddress))], ['2001:db8:0:1:0:0:0:a'])
  t.strictSame([...new Set(spellings.map((address) => ipOf('10.0.0.1', 1, address)))], ['2001:db8:0:1::/64'])
})

void t.test('ten thousand addresses of one /64 are one caller, its neighbour is another', async (t) => {
  const callers = new Set(Array.from({ length: 10_000 }, (_, i) => ipOf(`2001:db8:0:1:${(i * 5).toString(16)}::${i.toString(16)}`)))

  t.equal(callers.size, 1)
  t.notSame(ipOf('2001:db8:0:2::1'), ipOf('2001:db8:0:1::1'))
})

void t.test('an IPv4 caller on a dual-stack socket is the IPv4 caller', async (t) => {
  t.equal(ipOf('::ffff:203.0.113.9'), '203.0.113.9')
  t.equal(ipOf('::ffff:cb00:7109'), '203.0.113.9')
  t.equal(ipOf('0:0:0:0:0:ffff:cb00:7109'), '203.0.113.9')
  t.equal(ipOf('203.0.113.9'), '203.0.113.9')
  t.equal(ipOf('::1'), '0:0:0:0::/64')
})

void t.test('without trusted hops the forwarded header is nobody\'s word', async (t) => {
  t.equal(ipOf('198.51.100.7', 0, '1.2.3.4'), '198.51.100.7')
})

void t.test('with N trusted hops only what the nearest N wrote counts, whatever the caller put before it', async (t) => {
  const spoofed = ['1.2.3.4', '1.2.3.4, 5.6.7.8', '127.0.0.1', 'unknown', ', , ,', '<script>']
  for (const prefix of spoofed) {
    t.equal(ipOf('10.0.0.1', 1, `${prefix}, 203.0.113.9`), '203.0.113.9')
    t.equal(ipOf('10.0.0.1', 2, `${prefix}, 203.0.113.9, 10.0.0.2`), '203.0.113.9')
    t.equal(ipOf('10.0.0.1', 3, `${prefix}, 203.0.113.9:51234, 10.0.0.3, 10.0.0.2`), '203.0.113.9')
  }
})

void t.test('a chain that is missing, too short or garbled is one shared caller, never none', async (t) => {
  t.equal(ipOf('10.0.0.1', 1), 'unknown')
  t.equal(ipOf('10.0.0.1', 2, '203.0.113.9'), 'unknown')
  t.equal(ipOf('10.0.0.1', 1, 'garbage'), 'unknown')
  t.equal(ipOf('10.0.0.1', 1, '999.1.1.1'), 'unknown')
  t.equal(ipOf('10.0.0.1', 1, ''), 'unknown')
  t.equal(ipOf(undefined), 'unknown')
})

void t.test('logs get the whole address in one spelling', async (t) => {
  t.equal(clientAddress(requestOf('2001:DB8::1')), '2001:db8:0:0:0:0:0:1')
})
