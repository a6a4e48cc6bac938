/** Fastify routes that know their answer: what one process can do here at most. */
import type { AddressInfo } from 'node:net'
import { fastify } from 'fastify'

const user = { id: 'usr_01HZZZZZZZZZZZZZZZZZZZZZZZ', username: 'user_00000000', email: null, identities: [{ id: 'eip155:1:0x0000000000000000000000000000000000000000', kind: 'evm', address: '0x0000000000000000000000000000000000000000', added_at: '2030-01-01T00:00:00.000Z' }], created_at: '2030-01-01T00:00:00.000Z' }
/** About as long as the answer to a sign-in. */
const tokens = { access_token: 'a'.repeat(480), token_type: 'bearer', expires_in: 900, refresh_token: 'r'.repeat(90), session_expires_at: user.created_at, user }

const app = fastify()
app.get('/user', async () => user)
app.post('/tokens', async () => tokens)
await app.listen({ host: '127.0.0.1', port: 0 })
process.send?.((app.server.address() as AddressInfo).port)
