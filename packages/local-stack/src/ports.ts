import { createServer } from 'node:net'
import { randomInt } from 'node:crypto'
import { StackFault } from './stack-fault.ts'

/**
 * Below Linux's ephemeral range (32768 and up): a client that retries a closed port inside that range can connect
 * to itself, and an outgoing connection can occupy the port while its server restarts.
 */
const lowest = 20_000
const beyond = 32_000

/** What this process was given already; the servers behind may not listen yet. */
const given = new Set<number>()

const canListen = async (port: number): Promise<boolean> =>
  await new Promise((resolve) => {
    const server = createServer()
    server.once('error', () => { resolve(false) })
    server.listen({ port, host: '127.0.0.1', exclusive: true }, () => { server.close(() => { resolve(true) }) })
  })

/** A port of 127.0.0.1 on which nothing listens at this moment. */
export const freePort = async (): Promise<number> => {
  for (let attempt = 0; attempt < 200; attempt++) {
    const port = randomInt(lowest, beyond)
    if (given.has(port)) continue
    given.add(port)
    if (await canListen(port)) return port
  }
  throw new StackFault(`No free port was found between ${lowest} and ${beyond - 1} on 127.0.0.1: end some of the programs that listen there.`)
}

/** The wanted port, or a free one when none is wanted. `what` names its use in the fault. */
export const claimPort = async (wanted: number | undefined, what: string): Promise<number> => {
  if (wanted === undefined) return await freePort()
  if (await canListen(wanted)) return wanted
  throw takenPort(wanted, what)
}

export const takenPort = (port: number, what: string): StackFault =>
  new StackFault(`Port ${port} of 127.0.0.1, wanted for ${what}, is taken: stop the program that listens there or choose another port.`)
