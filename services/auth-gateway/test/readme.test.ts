/** What the README says of signing in, run as it stands there. */
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { fetchCurl, hasCurl, newWallets, runCurl, scratchDirectory, type TestWallet } from '@countersign/testing'
import { base58 } from '@scure/base'
import t from 'tap'
import { generatePrivateKey, privateKeyToAccount } from 'viem/accounts'
import { standInForMailboxes } from './mailbox-stand-in.ts'
import { buildHouse } from './open-gateway.ts'

const readme = await readFile(new URL('../../../../README.md', import.meta.url), 'utf8')
const [, section = ''] = /\n## Sign in\n(.*?)\n## /s.exec(readme) ?? []
const blocks = (language: string): string[] => [...section.matchAll(new RegExp(`\`\`\`${language}\\n(.*?)\`\`\``, 'gs'))].map(([, code = '']) => code)

const house = await buildHouse(t)
const mailboxes = await standInForMailboxes(house)
const gateway = await house.open()

/** The programs that hold wallets, as far as the README asks them. */
function walletPrograms () {
  const [solana, cosmos, stacks, bitcoin] = [newWallets.solana(), newWallets.cosmos(), newWallets.stacks(), newWallets.bitcoin()]
  const signed = async (wallet: TestWallet, message: string, field: string): Promise<string> => (await wallet.sign(message))[field] ?? ''
  return {
    account: privateKeyToAccount(generatePrivateKey()),
    solana: {
      publicKey: { toString: () => solana.address },
      signMessage: async (bytes: Uint8Array) => ({ signature: base58.decode(await signed(solana, Buffer.from(bytes).toString(), 'signature')) })
    },
    keplr: {
      getKey: () => Promise.resolve({ bech32Address: cosmos.address }),
      signArbitrary: async (_chain: string, _signer: string, message: string) => ({ signature: await signed(cosmos, message, 'signature'), pub_key: { value: await signed(cosmos, message, 'public_key') } })
    },
    stacksAddress: stacks.address,
    request: async (_method: string, { message }: { message: string }) => ({ signature: await signed(stacks, message, 'signature'), publicKey: await signed(stacks, message, 'public_key') }),
    unisat: {
      requestAccounts: () => Promise.resolve([bitcoin.address]),
      // UniSat gives the witness without a prefix that names its form.
      signMessage: async (message: string) => (await signed(bitcoin, message, 'signature')).replace(/^smp/, '')
    }
  }
}

t.test('the code for wallets signs in with each of the five families', async (t) => {
  const programs = { gateway: gateway.url, ...walletPrograms() }
  const code = blocks('js').join('\n').replace('  return post(`/api/v1/auth/${family}/verify`', '  return answers[family] = await post(`/api/v1/auth/${family}/verify`')
  const file = join(await scratchDirectory(t, 'readme'), 'sign-in.mjs')
  await writeFile(file, `export default async ({ ${Object.keys(programs).join(', ')} }) => {\nconst answers = {}\n${code}\nreturn answers\n}\n`)

  const { default: run } = await import(pathToFileURL(file).href) as { default: (programs: object) => Promise<Record<string, { access_token?: string }>> }
  const answers = await run(programs)

  t.strictSame(Object.keys(answers), ['evm', 'solana', 'cosmos', 'stacks', 'bitcoin'])
  for (const [family, { access_token: token }] of Object.entries(answers)) {
    t.match(await gateway.send('GET', '/api/v1/me', { token: String(token) }), { status: 200, json: { identities: [{ kind: family }] } }, family)
  }
})

t.test('the commands sign up, log in, sign in by a mailed code, and call with an API key', async (t) => {
  const ask = await hasCurl() ? runCurl : fetchCurl
  const commands = blocks('sh').join('').split('\n').filter((line) => !line.startsWith('#')).join('\n').split(/\n(?=curl )/).map((command) => command.trim())
  const known: Record<string, unknown> = {}
  const paths: string[] = []
  for (const command of commands) {
    const filled = command.replace(/<(\w+)>/g, (_whole, name: string) => String(known[name]))
    const { status, json, text } = await ask(filled, Number(new URL(gateway.url).port))
    t.ok(status >= 200 && status < 300, `${status} ${command} ${text}`)
    Object.assign(known, json, { code: mailboxes.mails.at(-1)?.code })
    paths.push(/\/api\/v1\/\S+/.exec(command)?.[0] ?? '')
  }
  t.strictSame(paths, ['auth/email/signup', 'auth/email/login', 'auth/email/code', 'auth/email/code/verify', 'api-keys', 'me'].map((path) => `/api/v1/${path}`))
})
