// Run inside a package: src and test become dist/, file by file. Types are checked apart, over the whole repository (scripts/check.mjs).
import { existsSync, readdirSync, rmSync } from 'node:fs'
import { build } from 'esbuild'

const folders = ['src', 'test'].filter((folder) => existsSync(folder))
const sources = folders.flatMap((folder) => readdirSync(folder, { recursive: true }).filter((name) => name.endsWith('.ts')).map((name) => `${folder}/${name}`))

/** Nothing is drawn into a file; only the names of our own files change, as they do beside it. */
const eachForItself = {
  name: 'each-for-itself',
  setup: ({ onResolve }) => onResolve({ filter: /./ }, ({ path, kind }) =>
    kind === 'entry-point' ? undefined : { path: path.startsWith('.') ? path.replace(/\.ts$/, '.js') : path, external: true })
}

for (const folder of ['src', 'test']) rmSync(`dist/${folder}`, { recursive: true, force: true })
await build({
  entryPoints: sources,
  outdir: 'dist',
  outbase: '.',
  bundle: true,
  treeShaking: false,
  plugins: [eachForItself],
  platform: 'node',
  format: 'esm',
  target: 'es2023',
  sourcemap: true,
  sourcesContent: false,
  logLevel: 'warning'
})
