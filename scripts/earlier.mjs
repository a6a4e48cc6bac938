// Commands of the earlier systems under their names: node scripts/earlier.mjs <name> [arguments]. `--local` may stand anywhere.
import { aliases } from './earlier-systems.mjs'

const [name = '', ...args] = process.argv.slice(2)
if (!Object.hasOwn(aliases, name)) {
  process.stderr.write(`earlier: one of ${Object.keys(aliases).join(', ')}\n`)
  process.exit(2)
}
if (args.includes('--help')) process.stdout.write(`${name} is now: ./countersign ${aliases[name]}\n\n`)
const isStack = (arg) => arg === '--local' || arg === '--admin'
process.argv.splice(2, Infinity, ...args.filter(isStack).sort().reverse(), ...aliases[name].split(' '), ...args.filter((arg) => !isStack(arg)))
await import('./countersign.mjs')
