// Run inside a package, after transpile.mjs: the Solidity files of src/solidity become dist/src/solidity/artifacts.json, { name: { abi, bytecode } }.
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'

const folder = 'src/solidity'
const sources = Object.fromEntries(readdirSync(folder).filter((name) => name.endsWith('.sol')).sort().map((name) => [name, { content: readFileSync(`${folder}/${name}`, 'utf8') }]))

// The compiler's own module, an Emscripten program; the package's other files serve its command line.
const compiler = createRequire(`${process.cwd()}/package.json`)('solc/soljson.js')
const compile = compiler.cwrap('solidity_compile', 'string', ['string', 'number', 'number'])

const { contracts = {}, errors = [] } = JSON.parse(compile(JSON.stringify({
  language: 'Solidity',
  sources,
  settings: {
    // No newer instructions than every chain has.
    evmVersion: 'paris',
    optimizer: { enabled: true, runs: 200 },
    metadata: { appendCBOR: false, bytecodeHash: 'none' },
    outputSelection: { '*': { '*': ['abi', 'evm.bytecode.object'] } }
  }
}), 0, 0))
if (errors.length > 0) {
  process.stderr.write(errors.map(({ formattedMessage }) => formattedMessage).join('\n'))
  process.exit(1)
}
const artifacts = Object.fromEntries(Object.values(contracts).flatMap((inFile) => Object.entries(inFile).map(([name, { abi, evm }]) => [name, { abi, bytecode: `0x${evm.bytecode.object}` }])))
mkdirSync(`dist/${folder}`, { recursive: true })
writeFileSync(`dist/${folder}/artifacts.json`, JSON.stringify(artifacts))
