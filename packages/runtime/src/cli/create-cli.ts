/** A thin layer over commander: one way to declare a command, to print, to fail. */
import { Command, CommanderError } from 'commander'
import { scrubText } from '../log/scrub.ts'
import { printJson, printTable, type Row, type Write } from './output.ts'
import { createProgress, type Progress } from './progress.ts'

export const exitCodes = { ok: 0, failed: 1, usage: 2 } as const
export type ExitCode = typeof exitCodes[keyof typeof exitCodes]

/** Thrown by a command whose arguments do not fit together: exit code 2. */
export class UsageFault extends Error {
  override readonly name = 'UsageFault'
}

export interface CommandContext {
  readonly args: readonly string[]
  /** By commander's camelCase names. */
  readonly options: Readonly<Record<string, unknown>>
  readonly json: boolean
  /** Prints the value as JSON under `--json`, else calls `human`. */
  print (value: unknown, human: () => void): void
  table (rows: readonly Row[], columns?: readonly string[]): void
  line (text: string): void
  /** On stderr; nothing under `--json`. */
  progress (label: string): Progress
}

export interface CliCommand {
  /** Words separated by blanks; the earlier ones are groups: `env check`. */
  readonly name: string
  readonly description: string
  /** commander's grammar: `<id>`, `[id]`, `<ids...>`, with a description. */
  readonly args?: readonly (readonly [syntax: string, description: string])[]
  /** commander's grammar: `--to <address>`, with a description and perhaps a default. */
  readonly options?: readonly (readonly [syntax: string, description: string, initial?: string])[]
  /** Options that must be given. */
  readonly requiredOptions?: readonly (readonly [syntax: string, description: string])[]
  /** @returns the exit code; nothing means 0. */
  run (context: CommandContext): Promise<ExitCode | undefined | void> | ExitCode | undefined | void
}

export interface CliOptions {
  readonly name: string
  readonly description: string
  /** Where text goes, for tests. */
  readonly stdout?: Write
  readonly stderr?: Write
  /** Whether a person watches stderr. */
  readonly isTerminal?: boolean
}

export interface Cli {
  add (...commands: readonly CliCommand[]): Cli
  /**
   * @param argv as in `process.argv`: the first two are skipped.
   * @returns 0 when it went well, 1 when the command failed, 2 when it was called wrongly. The caller sets `process.exitCode`.
   */
  run (argv: readonly string[]): Promise<ExitCode>
}

export function createCli ({ name, description, stdout = (text) => process.stdout.write(text), stderr = (text) => process.stderr.write(text), isTerminal = process.stderr.isTTY }: CliOptions): Cli {
  let exitCode: ExitCode = exitCodes.ok
  const program = configure(new Command(name).description(description), stdout)

  const cli: Cli = {
    add (...commands) {
      for (const command of commands) mount(program, command, { stdout, stderr, isTerminal }, (code) => { exitCode = code })
      return cli
    },
    async run (argv) {
      exitCode = exitCodes.ok
      try {
        await program.parseAsync([...argv])
        return exitCode
      } catch (error) {
        if (error instanceof CommanderError && error.exitCode === 0) return exitCodes.ok
        stderr(errorLine(error, argv.includes('--json')))
        return error instanceof CommanderError || error instanceof UsageFault ? exitCodes.usage : exitCodes.failed
      }
    }
  }
  return cli
}

/** commander must neither exit nor print errors: one place does both, on one line. */
function configure (command: Command, stdout: Write): Command {
  return command.exitOverride().showSuggestionAfterError(false).helpCommand(false)
    .configureOutput({ writeOut: (text) => { stdout(text) }, writeErr: () => undefined, outputError: () => undefined })
}

function mount (program: Command, { name, description, args = [], options = [], requiredOptions = [], run }: CliCommand, { stdout, stderr, isTerminal }: Required<Pick<CliOptions, 'stdout' | 'stderr' | 'isTerminal'>>, done: (code: ExitCode) => void): void {
  const words = name.split(' ')
  const group = words.slice(0, -1).reduce((parent, word) =>
    parent.commands.find((known) => known.name() === word) ?? configure(parent.command(word).description(`${word} commands`), stdout), program)
  const command = configure(group.command(words.at(-1) ?? name).description(description), stdout)
  for (const [syntax, text] of args) command.argument(syntax, text)
  for (const [syntax, text, initial] of options) command.option(syntax, text, initial)
  for (const [syntax, text] of requiredOptions) command.requiredOption(syntax, text)
  command.option('--json', 'print JSON')
  command.action(async () => {
    const given = command.opts<Record<string, unknown>>()
    const json = given.json === true
    const code = await run({
      args: command.processedArgs.flat().filter((arg): arg is string => typeof arg === 'string'),
      options: given,
      json,
      print: (value, human) => { if (json) printJson(value, stdout); else human() },
      table: (rows, columns) => { printTable(rows, columns, stdout) },
      line: (text) => { stdout(`${text}\n`) },
      progress: (label) => json ? () => undefined : createProgress(label, { write: stderr, isTerminal })
    })
    done(code ?? exitCodes.ok)
  })
}

function errorLine (error: unknown, json: boolean): string {
  const message = scrubText(messageOf(error)).replace(/^error: /, '').replace(/\s*[\r\n]+\s*/g, ' ').trim()
  return json ? `${JSON.stringify({ error: message })}\n` : `error: ${message}\n`
}

function messageOf (error: unknown): string {
  // A group called without one of its commands: commander would print the help on stderr.
  if (error instanceof CommanderError && error.code === 'commander.help') return 'a command is missing; --help lists them'
  return error instanceof Error ? error.message : String(error)
}
