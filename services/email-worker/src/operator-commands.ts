/** What an operator may ask and do on the command line. */
import { EmailAddress } from '@countersign/contracts'
import { newId, readEnvironment, systemClock, UsageFault, type CliCommand, type EnvironmentSource } from '@countersign/runtime'
import { Value } from 'typebox/value'
import { smtpConfigFrom, smtpEnvironment } from './config.ts'
import { createSmtpSender, type SmtpSender } from './smtp/smtp-sender.ts'
import { page, paragraph } from './templates/html.ts'

/** @param env `process.env`, read when a command runs. */
export const operatorCommands = (env: EnvironmentSource): CliCommand[] => [verifySmtp(env), testMail(env)]

async function withSmtp<T> (env: EnvironmentSource, work: (smtp: SmtpSender, brand: string) => Promise<T>): Promise<T> {
  const values = readEnvironment(smtpEnvironment, env)
  const smtp = createSmtpSender({ ...smtpConfigFrom(values), maxConnections: 1, now: systemClock.now })
  try {
    return await work(smtp, values.PROJECT_NAME)
  } finally {
    smtp.close()
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
