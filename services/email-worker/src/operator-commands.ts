/** What an operator may ask and do on the command line. */
import { EmailAddress, stores } from '@countersign/contracts'
import { connectMongo, ensureIndexes, verifyIndexes, type Mongo } from '@countersign/mongo'
import { createLogger, createMetrics, exitCodes, newId, readEnvironment, systemClock, UsageFault, type CliCommand, type EnvironmentSource } from '@countersign/runtime'
import { Value } from 'typebox/value'
import { databaseEnvironment, smtpConfigFrom, smtpEnvironment } from './config.ts'
import { indexes } from './indexes.ts'
import { createSmtpSender, type SmtpSender } from './smtp/smtp-sender.ts'
import { page, paragraph } from './templates/html.ts'

/** @param env `process.env`, read when a command runs. */
export const operatorCommands = (env: EnvironmentSource): CliCommand[] => [verifySmtp(env), testMail(env), ensure(env), verify(env)]

async function withSmtp<T> (env: EnvironmentSource, work: (smtp: SmtpSender, brand: string) => Promise<T>): Promise<T> {
  const values = readEnvironment(smtpEnvironment, env)
  const smtp = createSmtpSender({ ...smtpConfigFrom(values), maxConnections: 1, now: systemClock.now })
  try {
    return await work(smtp, values.PROJECT_NAME)
  } finally {
    smtp.close()
  }
}

async function withMongo<T> (env: EnvironmentSource, work: (mongo: Mongo) => Promise<T>): Promise<T> {
  const values = readEnvironment(databaseEnvironment, env)
  const silent = { service: 'email-worker', sha: 'unknown', environment: values.ENVIRONMENT }
  const mongo = await connectMongo({
    uri: values.MONGODB_URI,
    database: stores['email-worker'].database,
    log: createLogger({ ...silent, level: 'silent' }),
    metrics: createMetrics(silent),
    name: 'email-worker cli',
    minPoolSize: 0
  })
  try {
    return await work(mongo)
  } finally {
    await mongo.close()
  }
}

const verifySmtp = (env: EnvironmentSource): CliCommand => ({
  name: 'email verify',
  description: 'Greet the mail server and log in; send nothing',
  run: async ({ print, line }) => await withSmtp(env, async (smtp) => {
    await smtp.verify()
    print({ reachable: true }, () => { line('the mail server answers and takes the login') })
  })
})

const testMail = (env: EnvironmentSource): CliCommand => ({
  name: 'email test',
  description: 'Send one mail that says that mails arrive',
  requiredOptions: [['--to <address>', 'who gets it']],
  run: async ({ options: { to }, print, line }) => {
    if (typeof to !== 'string' || !Value.Check(EmailAddress, to)) throw new UsageFault('--to must be one e-mail address')
    await withSmtp(env, async (smtp, brand) => {
      const deliveryId = newId('dlv')
      const text = `This is a test of the mails of ${brand}. It confirms nothing.`
      await smtp.send(to, { subject: `Test mail of ${brand}`, text: `${text}\n`, html: page(brand, [paragraph(text)]) }, { deliveryId, requestId: newId('req') })
      print({ accepted: true, delivery_id: deliveryId }, () => { line(`the mail server accepted ${deliveryId}`) })
    })
  }
})

const ensure = (env: EnvironmentSource): CliCommand => ({
  name: 'db indexes ensure',
  description: 'Make the indexes that are missing',
  run: async ({ print, line }) => await withMongo(env, async ({ db }) => {
    await ensureIndexes(db, indexes)
    print({ database: db.databaseName, indexes: indexes.length }, () => { line(`${db.databaseName}: ${indexes.length} indexes are in place`) })
  })
})

const verify = (env: EnvironmentSource): CliCommand => ({
  name: 'db indexes verify',
  description: 'Compare the indexes with what the service relies on; exit 1 when they differ',
  run: async ({ print, table, line }) => await withMongo(env, async ({ db }) => {
    const differences = await verifyIndexes(db, indexes)
    print(differences, () => {
      if (differences.length === 0) line(`${db.databaseName}: all indexes are as wanted`)
      else table(differences.map(({ collection, index, kind, detail }) => ({ collection, index, kind, detail })))
    })
    return differences.length === 0 ? exitCodes.ok : exitCodes.failed
  })
})
