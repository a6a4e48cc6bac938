/** The API's description is of what the gateway serves, and what it shows as proofs of wallets are proofs, of texts that this gateway composes. */
import { routes, verifiedSignUpRoutes, walletFamilies, walletRoutes, type Route, type WalletFamily } from '@countersign/contracts'
import { verifiers } from '@countersign/wallets'
import t from 'tap'
import { unusedGateway } from '../src/describe-api.ts'
import { nonceIn, signInMessage, type ChallengePurpose } from '../src/challenges/sign-in-message.ts'

/** Pages for people, and what they load. */
const page = /^\/(|docs.*|redoc|openapi\.json|verify-email|reset-password|new-factor|mailed-link\.js)$/
const nameOf = ({ method, path }: Pick<Route, 'method' | 'path'>): string => `${method} ${path}`

for (const signupMode of ['open', 'verified'] as const) {
  t.test(`sign-ups ${signupMode}: the gateway serves every route of the contracts as it is written there, and beside them pages alone`, async (t) => {
    const [served, others]: [Route[], string[]] = [[], []]
    const app = await unusedGateway({
      signupMode,
      onRoute: ({ method, url, config }) => {
        if (config?.contract !== undefined && method !== 'HEAD') served.push(config.contract)
        else if (config?.contract === undefined) others.push(url)
      }
    })
    const instead = signupMode === 'open' ? [] : verifiedSignUpRoutes
    const wanted = [...routes.filter((route) => !instead.some((other) => nameOf(other) === nameOf(route))), ...instead]
    t.strictSame(served.map(nameOf).sort(), wanted.map(nameOf).sort())
    for (const route of served) t.ok(wanted.includes(route), nameOf(route))
    t.strictSame(others.filter((url) => !page.test(url)), [])

    const { paths } = (await app.inject('/openapi.json')).json<{ paths: Record<string, Record<string, { operationId: string }>> }>()
    t.strictSame(Object.values(paths).flatMap((methods) => Object.values(methods).map(({ operationId }) => operationId)).sort(), wanted.map(({ operationId }) => operationId).sort())
    await app.close()
  })
}

interface ProofExample { readonly address: string, readonly signed_message: string, readonly signature: string, readonly public_key?: string }

const proofIn = (body: unknown): ProofExample => (body as { examples: [ProofExample] }).examples[0]
const lineOf = (text: string, name: string): string => new RegExp(`^${name}: (.+)$`, 'm').exec(text)?.[1] ?? ''

async function holds (family: WalletFamily, { address, signed_message: message, signature, public_key: publicKey = '' }: ProofExample): Promise<boolean> {
  switch (family) {
    case 'evm': return (await verifiers.evm({ message, signature, address, chainId: 1 })).valid
    case 'solana': return (await verifiers.solana({ message, signature, address })).valid
    case 'cosmos': return (await verifiers.cosmos({ message, signature, address, publicKey, prefixes: ['cosmos'], mode: 'secp256k1' })).valid
    case 'stacks': return (await verifiers.stacks({ message, signature, address, publicKey, network: 'mainnet' })).valid
    case 'bitcoin': return (await verifiers.bitcoin({ message, signature, address })).result === 'valid'
  }
}

for (const family of walletFamilies) {
  t.test(`${family}: the examples of verify and link are signed as their texts say, each for its own purpose`, async (t) => {
    const { verify, link } = walletRoutes[family]
    const examples: Record<ChallengePurpose, ProofExample> = { login: proofIn(verify.body), link: proofIn(link.body) }
    for (const purpose of ['login', 'link'] as const) {
      const example = examples[purpose]
      const text = example.signed_message
      t.ok(await holds(family, example), purpose)
      t.equal(text, signInMessage({
        domain: 'auth.example.com', origin: 'https://auth.example.com', brand: 'Countersign', purpose,
        userId: /usr_\w+/.exec(text)?.[0] ?? '',
        chainName: /your (\w+) account:/.exec(text)?.[1] ?? '',
        address: example.address,
        chainReference: lineOf(text, 'Chain ID'),
        nonce: nonceIn(text) ?? '',
        issuedAt: new Date(lineOf(text, 'Issued At')),
        expiresAt: new Date(lineOf(text, 'Expiration Time'))
      }), `${purpose}: the text is one of ours`)
    }
    t.notOk(await holds(family, { ...examples.link, signature: examples.login.signature }), 'one does not serve for the other')
  })
}
