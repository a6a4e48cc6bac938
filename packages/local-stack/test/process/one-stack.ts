/** A process that runs a stack until it is ended: `node one-stack.js <data directory>`. Prints one line when it is up. */
import { startStack } from '../../src/index.ts'

const dataDirectory = process.argv[2] ?? ''
await startStack({ dataDirectory, parts: ['redis', 'chain', 'kms'] })
process.stdout.write('up\n')
// Only what ends this process from outside shall end it.
setInterval(() => undefined, 60_000)
