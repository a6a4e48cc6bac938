import { readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import ts from 'typescript'
import { Failure, root } from './process.mjs'

/** No file may import itself through others, types included. */
export async function checkImportLoops () {
  const graph = importGraph()
  const loops = loopsOf(graph)
  if (loops.length > 0) throw new Failure(`import loops:\n${loops.map((loop) => `  ${[...loop, loop[0]].join(' → ')}`).join('\n')}`)
  const arrows = [...graph.values()].flat().length
  if (arrows < graph.size * 2) throw new Failure(`the import-loop check sees only ${arrows} imports in ${graph.size} files: it is not looking`)
}

/** Every source, by its path, with the sources that it imports or exports from, in whatever form. */
function importGraph () {
  const files = ['packages', 'services', 'e2e', 'benchmarks'].flatMap(sourcesUnder)
  const known = new Set(files)
  return new Map(files.map((file) => [file, importsOf(file).filter((imported) => known.has(imported))]))
}

function sourcesUnder (folder) {
  return readdirSync(root + folder, { withFileTypes: true }).flatMap((entry) => {
    const path = `${folder}/${entry.name}`
    if (entry.isDirectory()) return ['dist', 'node_modules'].includes(entry.name) ? [] : sourcesUnder(path)
    return path.endsWith('.ts') ? [path] : []
  })
}

function importsOf (file) {
  const { importedFiles } = ts.preProcessFile(readFileSync(root + file, 'utf8'), true, false)
  return importedFiles.map(({ fileName }) => {
    if (fileName.startsWith('.')) return join(file, '..', fileName)
    return fileName.replace(/^@countersign\/([^/]+)$/, 'packages/$1/src/index.ts')
  })
}

/** Depth first: an import of a file whose own imports are still being followed closes a loop. */
function loopsOf (graph) {
  const loops = []
  const done = new Set()
  const path = []
  const follow = (file) => {
    if (done.has(file)) return
    const at = path.indexOf(file)
    if (at !== -1) return loops.push(path.slice(at))
    path.push(file)
    graph.get(file).forEach(follow)
    path.pop()
    done.add(file)
  }
  for (const file of graph.keys()) follow(file)
  return loops
}
