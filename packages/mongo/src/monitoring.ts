/** What the driver tells about itself, as metrics. Commands are timed and never logged: their text holds the data. */
import type { Logger, Metrics } from '@countersign/runtime'
import type { MongoClient, ServerDescription } from 'mongodb'

/**
 * @returns a function that says the client is being closed on purpose, so that no disconnect is counted any more.
 */
export const monitorClient = (client: MongoClient, { log, metrics }: { readonly log: Logger, readonly metrics: Metrics }): () => void => {
  timeCommands(client, metrics)
  countConnections(client, metrics)
  return countDisconnects(client, log, metrics)
}

function timeCommands (client: MongoClient, metrics: Metrics): void {
  const durations = metrics.histogram({
    name: 'mongo_command_duration_seconds',
    help: 'Duration of database commands as the driver sees them',
    labels: ['command', 'outcome']
  })
  client.on('commandSucceeded', ({ commandName, duration }) => durations.observe({ command: commandName, outcome: 'ok' }, duration / 1_000))
  client.on('commandFailed', ({ commandName, duration }) => durations.observe({ command: commandName, outcome: 'failed' }, duration / 1_000))
}

function countConnections (client: MongoClient, metrics: Metrics): void {
  const connections = metrics.gauge({ name: 'mongo_connections', help: 'Open connections to the database' })
  client.on('connectionCreated', () => connections.inc())
  client.on('connectionClosed', () => connections.dec())
}

function countDisconnects (client: MongoClient, log: Logger, metrics: Metrics): () => void {
  const disconnects = metrics.counter({ name: 'mongo_disconnects_total', help: 'Times that a known database server became unreachable' })
  let closing = false

  client.on('serverDescriptionChanged', ({ address, previousDescription, newDescription }) => {
    if (closing) return
    if (isKnown(previousDescription) && !isKnown(newDescription)) {
      disconnects.inc()
      log.warn({ server: address }, 'MongoDB server lost')
    }
    if (!isKnown(previousDescription) && isKnown(newDescription)) log.info({ server: address }, 'MongoDB server found')
  })
  return () => { closing = true }
}

const isKnown = ({ type }: ServerDescription): boolean => type !== 'Unknown'
