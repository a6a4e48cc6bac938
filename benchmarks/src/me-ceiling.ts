/** A Fastify route that knows its answer: what one process can do here at most. */
import type { AddressInfo } from 'node:net'
import { fastify } from 'fastify'

const app = fastify()
const answer = { id: 'usr_01HZZZZZZZZZZZZZZZZZZZZZZZ', username: 'user_00000000', email: null, identities: [{ id: 'eip155:1:0x0000000000000000000000000000000000000000', kind: 'evm', address: '0x0000000000000000000000000000000000000000', added_at: '2030-01-01T00:00:00.000Z' }], created_at: '2030-01-01T00:00:00.000Z' }
app.get('/me', async () => answer)
await app.listen({ host: '127.0.0.1', port: 0 })
process.send?.((app.server.address() as AddressInfo).port)
