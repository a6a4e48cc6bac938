// Types and lint in one pass over the repository: typed lint asks the program that the types were checked with.
import { ESLint } from 'eslint'
import ts from 'typescript'
import { root } from './process.mjs'

const program = typeProgram()
const faults = ts.getPreEmitDiagnostics(program)
if (faults.length > 0) {
  process.stdout.write(ts.formatDiagnosticsWithColorAndContext(faults, { getCurrentDirectory: () => root, getCanonicalFileName: (name) => name, getNewLine: () => '\n' }))
  process.exitCode = 1
}
const eslint = new ESLint({
  cwd: root, overrideConfig: [{ files: ['**/*.ts'], languageOptions: { parserOptions: { projectService: false, programs: [program] } } }]
})
const results = await eslint.lintFiles(['.'])
const report = await (await eslint.loadFormatter('stylish')).format(results)
process.stdout.write(report)
if (results.some(({ errorCount, warningCount }) => errorCount + warningCount > 0)) process.exitCode = 1

function typeProgram () {
  const file = `${root}tsconfig.json`
  const { options, fileNames, errors } = ts.parseJsonConfigFileContent(ts.readConfigFile(file, ts.sys.readFile).config, ts.sys, root)
  if (errors.length > 0) throw new Error(ts.flattenDiagnosticMessageText(errors[0].messageText, '\n'))
  return ts.createProgram(fileNames, options)
}
