// Run inside a service, after transpile.mjs: main.ts and cli.ts become one file each, dist/main.js and dist/cli.js, with all of ours that they import and the
// libraries that are hundreds of small modules. Node finds, reads and links a thousand files more slowly than it runs them: a start takes half the time.
// Tests import the files of dist/src, one by one.
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'

/** All others stay as they are installed: CommonJS, which is not worth it, native addons, and files that look for more beside themselves. */
const bundledLibraries = /^(typebox|viem|@noble\/\w+|@scure\/\w+)(\/|$)/

const packages = fileURLToPath(new URL('../packages', import.meta.url))
const { name, dependencies } = JSON.parse(readFileSync('package.json', 'utf8'))

const ownAndOthers = {
  name: 'own-and-others',
  setup ({ onResolve }) {
    onResolve({ filter: /^@countersign\// }, ({ path }) => ({ path: `${packages}/${path.split('/')[1]}/src/index.ts` }))
    onResolve({ filter: /^[^./]/ }, ({ path, importer }) =>
      importer === '' || importer.includes('/node_modules/') || path.startsWith('node:') || bundledLibraries.test(path) ? undefined : { path, external: true })
  }
}

const { metafile } = await build({
  entryPoints: [
    'src/main.ts', 'src/cli.ts',
    // A thread's file, beside the one that starts it.
    ...'@countersign/wallets' in dependencies ? [`${packages}/wallets/src/signature-pool/signature-worker.ts`] : []
  ],
  entryNames: '[name]',
  outdir: 'dist',
  bundle: true,
  platform: 'node',
  format: 'esm',
  target: 'node20.19',
  // The files that Node itself would choose.
  conditions: [],
  plugins: [ownAndOthers],
  sourcemap: true,
  sourcesContent: false,
  metafile: true,
  logLevel: 'warning'
})

/** What a bundle loads at run time is looked for from the service's folder. */
const atRunTime = [
  ...Object.values(metafile.outputs).flatMap(({ imports }) => imports.filter(({ external }) => external).map(({ path }) => path)),
  ...Object.keys(metafile.inputs).filter((file) => file.endsWith('.ts'))
    .flatMap((file) => [...readFileSync(file, 'utf8').matchAll(/createRequire\(import\.meta\.url\)\('([^']+)'\)/g)].map(([, path]) => path))
].filter((path) => !path.startsWith('node:')).map((path) => path.split('/').slice(0, path.startsWith('@') ? 2 : 1).join('/'))
const missing = [...new Set(atRunTime)].filter((library) => !(library in dependencies)).sort()
if (missing.length > 0) {
  process.stderr.write(`${name}: its bundle loads ${missing.join(', ')} at run time: name them in the dependencies of its package.json\n`)
  process.exit(1)
}
