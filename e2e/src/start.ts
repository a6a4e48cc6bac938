/** `npm start`: the whole house stays up on fixed ports until Ctrl-C. */
import { startServices, startStack, StackFault, writeMailPreview, type Services, type Stack } from '@countersign/local-stack'
import { workspaceRoot } from './house.ts'

const freePorts = process.argv.includes('--free-ports')
const ports = freePorts ? {} : { mongo: 27117, redis: 6479, chain: 8545, kms: 4566, smtp: 1025, mailViewer: 1080, sms: 1081, gateway: 8000 }
const compatibilityPorts = freePorts ? [] : [5000, 5001, 7145, 8000]
const opsPort = freePorts ? undefined : 9101

if (process.argv.includes('--help')) {
  process.stdout.write('Usage: npm start [-- --fresh] [--free-ports] [--shared-credentials]\n\nStarts MongoDB, Redis, a chain, a KMS emulator, a mail sink, an SMS sink and the four services on 127.0.0.1.\nCtrl-C stops everything. --fresh wipes the data of earlier runs (.local/data) first. --free-ports takes free ports in place of the usual ones.\nMONGODB_URI and REDIS_URL (administrators\' URLs) use servers of yours; --shared-credentials goes on when no users can be made there.\n')
  process.exit(0)
}
if (process.env.NODE_ENV === 'production' || process.env.ENVIRONMENT === 'production') {
  process.stderr.write('npm start is the local stack and does not run in production. Start the services themselves: node services/<name>/dist/src/main.js (see README.md).\n')
  process.exit(1)
}

/** A name, colours, a logo and texts are tried here. */
const look = Object.fromEntries(['PROJECT_NAME', 'MAIL_TEMPLATE_DIR'].flatMap((name) => process.env[name] === undefined ? [] : [[name, process.env[name]]]))

const say = (text: string): void => { process.stdout.write(`${text}\n`) }

async function start (signal: AbortSignal): Promise<{ stack: Stack, services: Services, mailPreview: string } | undefined> {
  const stack = await startStack({
    dataDirectory: `${workspaceRoot}.local/data`, fresh: process.argv.includes('--fresh'), ports, compatibilityPorts,
    mongoUri: process.env['MONGODB_URI'], redisUrl: process.env['REDIS_URL'], sharedCredentials: process.argv.includes('--shared-credentials'),
    onProgress: (line) => { say(`  ${line}`) }
  })
  try {
    if (signal.aborted) throw new StackFault('stopped while starting')
    const services = await startServices(stack, { opsPort, environment: { 'email-worker': look } })
    return { stack, services, mailPreview: await writeMailPreview(stack, look) }
  } catch (error) {
    await stack.stop()
    throw error
  }
}

const stopping = new AbortController()
const stopped = new Promise<void>((resolve) => {
  for (const name of ['SIGINT', 'SIGTERM'] as const) process.on(name, () => { stopping.abort(); resolve() })
})

try {
  say('Countersign, local stack:')
  const house = await start(stopping.signal)
  if (house !== undefined) {
    const { stack, services, mailPreview } = house
    say(`
  Gateway        ${services.gatewayUrl}
  API docs       ${services.gatewayUrl}/docs
  Mail viewer    ${stack.smtp.viewerUrl} (every mail there is: ${mailPreview})
  SMS viewer     ${stack.sms.viewerUrl}
  Chain RPC      ${stack.chain.rpcUrl} (chain id ${stack.chain.chainId})
  KMS            ${stack.kms.endpoint}
  Metrics        ${Object.entries(services.opsUrls).map(([name, url]) => `${name.padEnd(15)} ${url}/metrics`).join('\n                 ')}
  Command line   ./countersign --local wallets list
  Data and logs  .local/data (wipe with: npm start -- --fresh)

Ctrl-C stops everything.`)
    await stopped
    say('\nstopping …')
    await services.stop()
    await stack.stop()
    say('stopped')
  }
  process.exit(0)
} catch (error) {
  const message = error instanceof Error ? error.message : String(error)
  process.stderr.write(`start: ${message}${/ is taken/.test(message) ? ' (npm start -- --free-ports takes free ones.)' : ''}\n`)
  process.exit(1)
}
