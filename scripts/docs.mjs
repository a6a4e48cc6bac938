// Pages that are made from the code. npm run docs writes them; npm test fails when one differs.
import { execFile } from 'node:child_process'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { promisify } from 'node:util'
import { aliases, commands, movedPaths, pages as openPages, paths, variables } from './earlier-systems.mjs'
import { Failure, root } from './process.mjs'

const services = ['auth-gateway', 'otp-service', 'signer-service', 'email-worker']
const run = promisify(execFile)

export async function docs () {
  for (const [file, text] of await pages()) {
    mkdirSync(`${root}docs`, { recursive: true })
    writeFileSync(root + file, text)
    process.stdout.write(`${file}\n`)
  }
}

export async function checkDocs () {
  const stale = (await pages()).filter(([file, text]) => read(file) !== text).map(([file]) => file)
  if (stale.length > 0) throw new Failure(`generated pages differ from the code: ${stale.join(', ')}\nmake them again: npm run docs`)
}

function read (file) {
  try {
    return readFileSync(root + file, 'utf8')
  } catch {
    return undefined
  }
}

async function pages () {
  const contracts = await import('../packages/contracts/dist/src/index.js')
  return [
    ['docs/openapi.json', await openapi()],
    ['docs/problems.md', problemsPage(contracts)],
    ['docs/messages.md', messagesPage(contracts)],
    ['docs/access.md', accessPage(contracts)],
    ['docs/earlier-systems.md', earlierSystemsPage()],
    ['.env.example', await environmentExample()]
  ]
}

const cli = async (service, args) => (await run(process.execPath, [`${root}services/${service}/dist/cli.js`, ...args], { env: {}, maxBuffer: 16_000_000 })).stdout

const openapi = async () => `${JSON.stringify(JSON.parse(await cli('auth-gateway', ['openapi'])), null, 2)}\n`

function problemsPage ({ problems }) {
  const rows = Object.values(problems).map(({ slug, status, title, detail }) => `| <a id="${slug}"></a>\`/problems/${slug}\` | ${status} | ${title} | ${detail.replaceAll('|', '\\|')} |`)
  return `# Problems

Every refusal is an RFC 9457 document (\`application/problem+json\`). \`type\` and \`status\` are stable and what a program may branch on; a type is never
reused for another meaning. Extensions where they help: \`faults\` (path and message, never the value), \`retry_after\` (seconds, also the Retry-After
header), \`attempts_left\`, \`challenge_id\`. \`instance\` is \`urn:request:<request id>\`, the id under which the logs know the request.

| type | status | title | detail |
|---|---|---|---|
${rows.join('\n')}

_Generated from packages/contracts/src/problems.ts by \`npm run docs\`._
`
}

function accessPage ({ routes, freshProofSeconds }) {
  const who = ({ caller, role }) => caller === 'anyone' ? 'anyone' : role ?? 'user'
  const rows = routes.map((route) => `| \`${route.method} ${route.path}\` | ${who(route)} | ${route.scope === undefined ? '–' : `\`${route.scope}\``} | ${route.stepUp !== undefined ? `fresh or \`${route.stepUp.action}\`` : route.fresh === true ? 'fresh' : route.fresh === 'first-factor' ? 'fresh, or a factor\'s proof' : route.caller === 'anyone' ? 'none' : 'session'} | ${route.limit} |`)
  return `# Who may call what

One table for every route of the gateway, made from the contracts that the routes themselves are registered from; a test calls each route as each kind of caller.

- **caller**: the least role; an administrator may do what an operator may. Roles open these routes and nothing else: who may move money is the signer's \`principals\`.
- **API key**: the scope with which a key may call; without one the route is closed to keys. A scope counts only while the key's owner holds the role it needs.
- **assurance**: \`fresh\` asks for a session proved within ${freshProofSeconds / 60} minutes, else 401 \`insufficient_user_authentication\` (RFC 9470). Refreshing renews tokens, not proofs.
  Where an action stands beside it, a user who has a factor confirms exactly that action instead: \`POST /api/v1/step-ups\`, then the request with \`Step-Up: <id>\`; else 401 \`step-up-required\`.
- **limit**: which rate limit counts it. While Redis cannot count, \`sign-in\` routes answer 503 and the others are served; what another service must answer is 503 then too.

| route | caller | API key | assurance | limit |
|---|---|---|---|---|
${rows.join('\n')}

_Generated from packages/contracts by \`npm run docs\`._
`
}

const json = (schema) => `\`\`\`json\n${JSON.stringify(schema, null, 2)}\n\`\`\``

function messagesPage ({ commands, jobs }) {
  const commandParts = commands.map(({ name, summary, callee, callers, deadlineMs, request, reply }) => `### ${name}

${summary}. ${callers.join(', ')} → ${callee}, ${deadlineMs} ms.

<details><summary>request</summary>

${json(request)}
</details>
<details><summary>reply</summary>

${json(reply)}
</details>`)
  const jobRows = jobs.map(({ name, summary, producer, consumer, attempts, firstRetryMs, longestRetryMs }) => `| \`${name}\` | ${producer} → ${consumer} | ${attempts} | ${firstRetryMs} ms, doubling${longestRetryMs === undefined ? '' : ` up to ${longestRetryMs} ms`} | ${summary} |`)
  return `# Messages between the services

A **command** is a message on a Redis list of one (caller, callee) pair, with a deadline; a person waits for its reply. A **job** is durable, retried and may be late.
Both are checked against these schemas on both sides. Services meet nowhere else.

## Commands

| command | callee | callers | deadline |
|---|---|---|---|
${commands.map(({ name, callee, callers, deadlineMs }) => `| [${name}](#${name.replaceAll('.', '')}) | ${callee} | ${callers.join(', ')} | ${deadlineMs} ms |`).join('\n')}

${commandParts.join('\n\n')}

## Jobs

| queue | from → to | attempts | first retry | what |
|---|---|---|---|---|
${jobRows.join('\n')}

_Generated from packages/contracts by \`npm run docs\`._
`
}

function earlierSystemsPage () {
  const row = (...cells) => `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`
  const command = (words) => words === undefined ? '–' : `\`countersign ${words}\``
  const typed = (name) => `\`${name.startsWith('scripts/') ? `node ${name}` : `npm run ${name}`}\``
  return `# Coming from an earlier system

Where the commands, paths and variables of the five systems that Countersign replaces live now. \`countersign\` is \`./countersign\` in this directory; every command takes \`--help\` and \`--json\`.
Commands about databases run for every service with the \`MONGODB_URI\` they are given (or \`--service NAME\`): a service's own user reaches its own database alone, an administrator's all. Against the local stack: \`countersign --local …\`.

## Commands that keep their names

Each hands over to the command beside it, with the same arguments.

| command | is now |
|---|---|
${Object.entries(aliases).map(([name, words]) => row(typed(name), command(words))).join('\n')}

## Other commands

| was | is now | |
|---|---|---|
${commands.map(([was, words, note]) => row(was, command(words), note)).join('\n')}

## Paths that are as they were

${paths.map((path) => `- \`${path}\``).join('\n')}
${openPages.map((path) => `- \`GET ${path}\``).join('\n')}

A \`{sessionId}\` in an address is the public handle (\`ses_…\`), never the secret. Refusals keep the words that callers look for.

## Paths that moved

| was | is now |
|---|---|
${movedPaths.map((cells) => row(...cells)).join('\n')}

## Variables

Both names set to different values stop the start. What each service reads is in [.env.example](../.env.example).

| was | is now | |
|---|---|---|
${variables.map(([was, now, note]) => row(`\`${was.replaceAll(', ', '`, `')}\``, now === undefined ? '–' : `\`${now}\``, note)).join('\n')}

_Generated from scripts/earlier-systems.mjs by \`npm run docs\`._
`
}

/** Each service reads its own environment; a name that two services share stands in both parts with the same meaning. */
async function environmentExample () {
  const parts = await Promise.all(services.map(async (service) => (await cli(service, ['env', 'describe', '--example'])).trim()))
  return `# What each service reads. \`./countersign env init\` writes a .env with fresh secrets for docker-compose.yml;
# \`./countersign env check\` says of each variable whether it is set, never its value.
# Services do not share credentials: MONGODB_URI, REDIS_URL and SECRET_KEY differ from one to the next.
# Generated from the services' schemas by \`npm run docs\`.

${parts.join('\n\n')}
`
}
