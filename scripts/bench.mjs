// npm run bench [-- name …]: the benchmarks, one process after another; each prints its table.
import { readdirSync } from 'node:fs'
import { Failure, root, run } from './process.mjs'

const names = () => readdirSync(`${root}benchmarks/src`).filter((file) => file.endsWith('.bench.ts')).map((file) => file.replace(/\.bench\.ts$/, ''))

export async function bench (args) {
  if (args.includes('--help')) return process.stdout.write(`Usage: npm run bench [-- <name> …] [--quick]\n\n--quick: a short run of sign-in, otp or signer, for its CPU times while developing\n\nBenchmarks: ${names().join(', ')}\n`)
  const wanted = args.filter((arg) => !arg.startsWith('-'))
  const unknown = wanted.filter((name) => !names().includes(name))
  if (unknown.length > 0) throw new Failure(`no benchmark ${unknown.join(', ')}; there are: ${names().join(', ')}`, 2)
  for (const name of wanted.length > 0 ? wanted : names()) await run(process.execPath, [`benchmarks/dist/src/${name}.bench.js`, ...args.filter((arg) => arg.startsWith('-'))])
}
