// Run inside a package: src and test become dist/, file by file. Types are checked apart, over the whole repository (scripts/check.mjs).
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { basename, dirname } from 'node:path'
import { fileURLToPath } from 'node:url'
import ts from 'typescript'

const { options } = ts.parseJsonConfigFileContent(
  ts.readConfigFile(fileURLToPath(new URL('../tsconfig.json', import.meta.url)), ts.sys.readFile).config, ts.sys, '.'
)
const compilerOptions = { ...options, noEmit: false, module: ts.ModuleKind.ESNext, moduleResolution: ts.ModuleResolutionKind.Bundler, sourceMap: true }
const sources = ['src', 'test'].flatMap((folder) => {
  const names = ts.sys.directoryExists(folder) ? readdirSync(folder, { recursive: true }) : []
  return names.filter((name) => name.endsWith('.ts')).map((name) => `${folder}/${name}`)
})

for (const folder of ['src', 'test']) rmSync(`dist/${folder}`, { recursive: true, force: true })
let failed = false
for (const source of sources) {
  const target = `dist/${source.replace(/\.ts$/, '.js')}`
  const { outputText, sourceMapText, diagnostics = [] } = ts.transpileModule(readFileSync(source, 'utf8'), {
    fileName: source, compilerOptions, reportDiagnostics: true
  })
  if (diagnostics.length > 0) {
    process.stderr.write(ts.formatDiagnostics(diagnostics, { getCurrentDirectory: () => process.cwd(), getCanonicalFileName: (name) => name, getNewLine: () => '\n' }))
    failed = true
  }
  const map = JSON.parse(sourceMapText)
  map.sources = [`${'../'.repeat(target.split('/').length - 1)}${source}`]
  mkdirSync(dirname(target), { recursive: true })
  writeFileSync(target, outputText)
  writeFileSync(`${target}.map`, JSON.stringify({ ...map, file: basename(target) }))
}
if (failed) process.exit(1)
