/** One decision of the policy engine over a document of 100 rules, compiled once: the last rule decides, or none does, or a batch is judged. */
import { table } from './table.ts'

// Built code of the service, as its processes run it: a benchmark is no part of the service, and imports no source of it.
const built = (path: string): string => new URL(`../../../services/signer-service/dist/src/${path}`, import.meta.url).href
const { validatePolicy } = await import(built('policies/validate-policy.js')) as { validatePolicy: (given: unknown, checksummed: unknown) => { document: unknown } }
const { checksummed } = await import(built('chain/address.js')) as { checksummed: (address: string) => string }
const { compilePolicy } = await import(built('policies/compile-policy.js')) as { compilePolicy: (document: unknown) => unknown }
const { decide } = await import(built('policies/decide.js')) as { decide: (policy: unknown, transaction: unknown, used: unknown) => { allowed: boolean } }

const rounds = 20_000
const address = (index: number): string => checksummed(`0x${(0xdead0000 + index).toString(16).padStart(40, '0')}`)
const wallet = 'wal_01JD00000000000000000000A1'
const initiator = 'usr_01JD00000000000000000000A1'
const token = address(9_999)

const rules = Array.from({ length: 100 }, (_none, index) => index % 10 === 0
  ? { name: `deny ${index}`, effect: 'deny', destinations: Array.from({ length: 50 }, (_one, at) => address(50_000 + index * 50 + at)), hours: { from: '09:00', until: '17:00', zone: 'Europe/Berlin' } }
  : {
    name: `allow ${index}`, effect: 'allow', wallets: [wallet], destinations: Array.from({ length: 50 }, (_one, at) => address(index * 50 + at)), max_value: '1000', tokens: [{ token, max_amount: '1000' }],
    windows: [{ per: 'wallet', seconds: 86_400, max_sum: '100000', max_count: 1_000 }, { per: 'destination', seconds: 3_600, token, max_sum: '5000' }], require: { shown_proof: true }
  })
const policy = compilePolicy(validatePolicy({ rules }, checksummed).document)
const pay = (to: string) => ({ to, value: 10n, data: '0x', selector: null, movement: null })
const move = (destination: string) => ({ to: token, value: 0n, data: '0xa9059cbb', selector: '0xa9059cbb', movement: { kind: 'transfer', token, destination, amount: 10n } })
const last = address(99 * 50 + 49)
const cases = {
  'the last of 100 rules allows': [pay(last)],
  'no rule allows': [pay(address(900_000))],
  'a batch of 10, token and coins': Array.from({ length: 10 }, (_none, index) => index % 2 === 0 ? pay(last) : move(last))
}

const rows = Object.entries(cases).map(([decision, calls]) => {
  const times: number[] = []
  let allowed = false
  for (let round = 0; round < rounds; round++) {
    // Another second each time: hours are looked at anew once a minute.
    const transaction = { initiator, walletId: wallet, chainId: 1, at: new Date(1_900_000_000_000 + round * 1_000), calls }
    const began = performance.now()
    allowed = decide(policy, transaction, () => 5n).allowed
    times.push(performance.now() - began)
  }
  times.sort((a, b) => a - b)
  const at = (share: number): string => ((times[Math.floor(times.length * share)] ?? NaN) * 1_000).toFixed(1)
  return { decision, allowed: String(allowed), 'p50 µs': at(0.5), 'p99 µs': at(0.99) }
})
process.stdout.write(`Policy decision, 100 rules with 50 destinations each, ${rounds} decisions per row (aim: under 200 µs)\n\n${table(rows)}\n`)
