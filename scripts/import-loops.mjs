import madge from 'madge'
import { Failure, root } from './process.mjs'

/** No file may import itself through others, types included. */
export async function checkImportLoops () {
  const graph = await madge([`${root}packages`, `${root}services`, `${root}e2e`, `${root}benchmarks`], {
    baseDir: root,
    fileExtensions: ['ts'],
    excludeRegExp: [/\/dist\//, /node_modules/],
    tsConfig: { compilerOptions: { allowImportingTsExtensions: true } }
  })
  const loops = graph.circular()
  if (loops.length > 0) throw new Failure(`import loops:\n${loops.map((loop) => `  ${[...loop, loop[0]].join(' → ')}`).join('\n')}`)
  const files = Object.keys(graph.obj())
  const arrows = Object.values(graph.obj()).flat().length
  if (arrows < files.length / 2) throw new Failure(`the import-loop check sees only ${arrows} imports in ${files.length} files: it is not looking`)
}
