/** The whole house on this machine: real servers, four service processes, the command line. */
import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { stores, type ServiceName } from '@countersign/contracts'
import { startServices, startStack, type Services, type Stack } from '@countersign/local-stack'
import { MongoClient, type Db } from 'mongodb'
import { createTestClient, defineChain, http, publicActions, type Address, type Transaction } from 'viem'

const run = promisify(execFile)
const settledDepth = 12n
/** Defined here: viem's file of chains is a list of all there are, and takes its time to load. */
const foundry = defineChain({ id: 31337, name: 'Foundry', nativeCurrency: { name: 'Ether', symbol: 'ETH', decimals: 18 }, rpcUrls: { default: { http: [] } } })

export const workspaceRoot = fileURLToPath(new URL('../../../', import.meta.url))

export type Mail = Awaited<ReturnType<Stack['smtp']['mails']>>[number]

export type Environment = Partial<Record<ServiceName, Record<string, string>>>

export interface HouseOptions {
  readonly dataDirectory: string
  readonly environment?: Environment
  /** Before the services start. @returns what the environment has besides. */
  readonly prepare?: (stack: Stack) => Promise<Environment>
  /** Of the gateway, for callers of the earlier systems. */
  readonly compatibilityPorts?: readonly number[]
  readonly onProgress?: (line: string) => void
}

export type House = Awaited<ReturnType<typeof openHouse>>

export async function openHouse ({ dataDirectory, environment: given = {}, prepare = async () => ({}), compatibilityPorts = [], onProgress }: HouseOptions) {
  const stack = await startStack({ dataDirectory, fresh: true, compatibilityPorts, onProgress, mongoUri: process.env['MONGODB_URI'], redisUrl: process.env['REDIS_URL'] })
  let services: Services
  let environment: Environment
  try {
    environment = { ...given, ...await prepare(stack) }
    services = await startServices(stack, { environment })
  } catch (error) {
    await stack.stop()
    throw error
  }
  const administrator = await new MongoClient(stack.mongo.adminUri).connect()
  const chain = createTestClient({ chain: foundry, mode: 'anvil', transport: http(stack.chain.rpcUrl), cacheTime: 0 }).extend(publicActions)
  const settled = new Map<bigint, readonly Transaction[]>()

  return {
    stack,
    services,
    chain,
    gatewayUrl: services.gatewayUrl,

    /** With the administrator's eyes: for looking at what a service stored. */
    database: (service: ServiceName): Db => administrator.db(stores[service].database),

    /** Runs `countersign` under the signer's own environment and gives what it printed as JSON. */
    async countersign<Output = Record<string, unknown>> (service: 'signer-service' | 'otp-service' | 'email-worker', args: string[]): Promise<Output> {
      const { stdout } = await run(process.execPath, [`${workspaceRoot}services/${service}/dist/cli.js`, ...args, '--json'], {
        env: { PATH: process.env.PATH, ...stack.environmentFor(service), ...environment[service] }
      })
      return JSON.parse(stdout) as Output
    },

    /** The newest mail to that address whose text matches and which nobody was given before. */
    mailTo: (() => {
      const given = new Set<string>()
      return async (address: string, pattern: RegExp): Promise<Mail> => {
        const mail = await stack.smtp.waitForMail((candidate) => !given.has(candidate.id) && candidate.to.includes(address) && pattern.test(candidate.text), 60_000)
        given.add(mail.id)
        return mail
      }
    })(),

    /** What lies deeper than any reorg here is asked for once. */
    async transactionsIn (blockNumber: bigint, head: bigint) {
      const known = settled.get(blockNumber)
      if (known !== undefined) return known
      const { transactions } = await chain.getBlock({ blockNumber, includeTransactions: true })
      if (head - blockNumber > settledDepth) settled.set(blockNumber, transactions)
      return transactions
    },

    fund: (address: Address, value: bigint): Promise<void> => chain.setBalance({ address, value }),

    async close (): Promise<void> {
      await administrator.close()
      await services.stop()
      await stack.stop()
    }
  }
}
