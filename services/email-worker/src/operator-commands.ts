/** What an operator may ask and do on the command line. */
import { EmailAddress } from '@countersign/contracts'
import { newId, readEnvironment, systemClock, UsageFault, type CliCommand, type EnvironmentSource } from '@countersign/runtime'
import { Value } from 'typebox/value'
import { smtpConfigFrom, smtpEnvironment } from './config.ts'
import { failedMailCommands } from './operator/failed-mail-commands.ts'
import { suppressionCommands } from './operator/suppression-commands.ts'
import { previewCommand } from './operator/preview-command.ts'
import { createSmtpSender, type SmtpSender } from './smtp/smtp-sender.ts'
import { readTemplateFolder } from './templates/read-template-folder.ts'
import { renderTestMail, type RenderedMail } from './templates/render-mail.ts'

/** @param env `process.env`, read when a command runs. */
export const operatorCommands = (env: EnvironmentSource): CliCommand[] => [verifySmtp(env), testMail(env), previewCommand(env), ...failedMailCommands(env), ...suppressionCommands(env)]

async function withSmtp<T> (env: EnvironmentSource, work: (smtp: SmtpSender, testMail: RenderedMail) => Promise<T>): Promise<T> {
  const values = readEnvironment(smtpEnvironment, env)
  const look = await readTemplateFolder(values.MAIL_TEMPLATE_DIR)
  const smtp = createSmtpSender({ ...smtpConfigFrom(values), maxConnections: 1, now: systemClock.now })
  try {
    return await work(smtp, renderTestMail({ brand: values.PROJECT_NAME, look }))
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
    await withSmtp(env, async (smtp, mail) => {
      const deliveryId = newId('dlv')
      await smtp.send(to, mail, { deliveryId, requestId: newId('req') })
      print({ accepted: true, delivery_id: deliveryId }, () => { line(`the mail server accepted ${deliveryId}`) })
    })
  }
})
