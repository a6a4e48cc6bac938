import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { createCli, exitCodes, printJson, printTable, UsageFault, type CliCommand } from '../../src/index.ts'

const commands: CliCommand[] = [{
  name: 'principals grant',
  description: 'Grant a principal',
  args: [['<id>', 'who'], ['[more...]', 'others']],
  options: [['--may <what>', 'what', 'initiate'], ['--yes', 'do not ask']],
  requiredOptions: [['--wallet <id>', 'which']],
  run ({ args, options, print, line }) {
    print({ args, may: options.may, wallet: options.wallet }, () => { line(`granted ${args.join(' ')} ${String(options.may)}`) })
  }
}, {
  name: 'principals list',
  description: 'List them',
  run: ({ table, print }) => { print([], () => { table([{ id: 'a', may: true }, { id: 'longer', may: null }]) }) }
}, {
  name: 'fail',
  description: 'Fails',
  args: [['[how]', 'how']],
  async run ({ args: [how] }) {
    if (how === 'usage') throw new UsageFault('these two do not fit')
    if (how === 'text') throw 'only a text'
    if (how === 'code') return exitCodes.failed
    throw new Error('no store at\n  redis://:leaked@db')
  }
}]

async function call (...args: string[]) {
  let stdout = ''
  let stderr = ''
  const cli = createCli({ name: 'signer', description: 'The signer', stdout: (text) => { stdout += text }, stderr: (text) => { stderr += text } }).add(...commands)
  const code = await cli.run(['node', 'signer', ...args])
  return { code, stdout, stderr }
}

void t.test('commands take arguments, options and groups, and print for people or as JSON', async (t) => {
  t.strictSame(await call('principals', 'grant', 'usr_1', 'usr_2', '--wallet', 'w'), { code: 0, stdout: 'granted usr_1 usr_2 initiate\n', stderr: '' })
  const { code, stdout } = await call('principals', 'grant', 'usr_1', '--wallet', 'w', '--may', 'approve', '--json')
  t.equal(code, 0)
  t.strictSame(JSON.parse(stdout), { args: ['usr_1'], may: 'approve', wallet: 'w' })
  t.equal((await call('principals', 'list')).stdout, 'ID      MAY\na       true\nlonger  -\n')
})

void t.test('every command and group has --help, and every command --json', async (t) => {
  for (const path of [[], ['principals'], ['principals', 'grant'], ['fail']]) {
    const { code, stdout, stderr } = await call(...path, '--help')
    t.match({ code, stderr }, { code: 0, stderr: '' })
    t.match(stdout, /^Usage: signer/)
  }
  t.match((await call('fail', '--help')).stdout, '--json')
})

void t.test('a failure is one line on stderr and exit code 1', async (t) => {
  t.strictSame(await call('fail'), { code: 1, stdout: '', stderr: 'error: no store at redis://[redacted]@db\n' })
  t.strictSame(await call('fail', '--json'), { code: 1, stdout: '', stderr: '{"error":"no store at redis://[redacted]@db"}\n' })
  t.strictSame(await call('fail', 'text'), { code: 1, stdout: '', stderr: 'error: only a text\n' })
  t.strictSame(await call('fail', 'code'), { code: 1, stdout: '', stderr: '' })
})

void t.test('a wrong call is one line on stderr and exit code 2', async (t) => {
  const wrong = {
    'error: these two do not fit\n': ['fail', 'usage'],
    "error: unknown command 'nothing'\n": ['nothing'],
    "error: unknown option '--nope'\n": ['fail', '--nope'],
    "error: missing required argument 'id'\n": ['principals', 'grant', '--wallet', 'w'],
    "error: required option '--wallet <id>' not specified\n": ['principals', 'grant', 'usr_1'],
    'error: a command is missing; --help lists them\n': ['principals']
  }
  for (const [stderr, args] of Object.entries(wrong)) t.strictSame(await call(...args), { code: 2, stdout: '', stderr })
})

void t.test('cells stay on their line and cannot steer the terminal; bigint is printed as text', async (t) => {
  let out = ''
  const write = (text: string) => { out += text }
  printTable([{ a: 'x\n\u001b[31my\u202ez', b: 1n }], ['b', 'a'], write)
  t.equal(out, 'B  A\n1  x [31my z\n')
  out = ''
  printTable([], undefined, write)
  printJson({ wei: 10n ** 30n }, write)
  t.match(out, '"wei": "1000000000000000000000000000000"')
})

void t.test('by default it writes to the streams of the process', async (t) => {
  const fixture = fileURLToPath(new URL('../fixtures/command.js', import.meta.url))
  const spawn = (...args: string[]) => new Promise<{ code: unknown, stdout: string, stderr: string }>((resolve) => {
    execFile(process.execPath, [fixture, ...args], (error, stdout, stderr) => { resolve({ code: error?.code ?? 0, stdout, stderr }) })
  })
  t.strictSame(await spawn('say'), { code: 0, stdout: 'said\nA\n1\n{\n  "a": 1\n}\n', stderr: '' })
  t.strictSame(await spawn('sing'), { code: 2, stdout: '', stderr: "error: unknown command 'sing'\n" })
})

void t.test('progress is a bar on a terminal, a line per tenth elsewhere, on stderr, and nothing under --json', async (t) => {
  const told = async (isTerminal: boolean, ...flags: string[]) => {
    let stderr = ''
    const cli = createCli({ name: 'x', description: 'x', isTerminal, stdout: () => undefined, stderr: (text) => { stderr += text } }).add({
      name: 'long', description: 'x', run: ({ progress }) => {
        const tell = progress('mails')
        for (let done = 0; done <= 40; done++) tell(done, 40)
      }
    })
    await cli.run(['node', 'x', 'long', ...flags])
    return stderr
  }
  const bar = await told(true)
  t.ok(bar.startsWith(`\r[${' '.repeat(30)}] mails 0 of 40\r[`) && bar.endsWith(`\r[${'='.repeat(30)}] mails 40 of 40\n`))
  const lines = (await told(false)).trimEnd().split('\n')
  t.equal(lines.length, 11)
  t.equal(lines.at(-1), 'mails 40 of 40')
  t.equal(await told(true, '--json'), '')
})
