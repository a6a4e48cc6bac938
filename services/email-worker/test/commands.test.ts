/** What an operator does about mails that failed and addresses that get none. */
import { stores } from '@countersign/contracts'
import { createCli } from '@countersign/runtime'
import { until } from '@countersign/testing'
import t from 'tap'
import { operatorCommands } from '../src/operator-commands.ts'
import { buildHouse, codeMail, inMinutes } from './open-worker.ts'

const house = await buildHouse(t, stores['email-worker'].database)
const { db, smtp, payloadOf, send, mailsOf, delivery } = house
await house.openService(t)

const cli = async (...args: string[]) => {
  let [out, err] = ['', '']
  const code = await createCli({ name: 'email-worker', description: '', stdout: (text) => { out += text }, stderr: (text) => { err += text } })
    .add(...operatorCommands(house.env)).run(['node', 'cli', 'email', ...args])
  return { code, out, err }
}
const json = async (...args: string[]) => JSON.parse((await cli(...args, '--json')).out) as unknown

t.test('failed mails are listed without addresses, and those of use go out when they are requeued, once', async (t) => {
  t.equal((await cli('failed')).out, 'no mail failed\n')
  smtp.fail('permanent')
  const good = payloadOf('otp', codeMail('ada@mailbox.example.org'))
  const late = payloadOf('otp', codeMail('bob@mailbox.example.org'), { useful_until: inMinutes(0.05) })
  const forged = payloadOf('otp', codeMail('eve@mailbox.example.org'), { sealKey: 'gateway' })
  for (const payload of [good, late, forged]) t.equal(await send('otp', payload), 'failed')
  smtp.fail('none')
  await until(() => Date.now() > Date.parse(late.useful_until), { what: 'the end of its use' })

  const listed = await cli('failed')
  for (const { delivery_id: id } of [good, late, forged]) t.match(listed.out, new RegExp(`^${id}  mail-otp  `, 'm'))
  t.match(listed.out, /smtp 550/)
  t.notMatch(listed.out, /mailbox|@/)
  t.match(await json('failed'), [{ delivery_id: forged.delivery_id, reason: 'refused: seal' }, { delivery_id: late.delivery_id, of_use: false }, { delivery_id: good.delivery_id, of_use: true }])

  const planned = { requeued: [good.delivery_id], late: [late.delivery_id], refused: [forged.delivery_id] }
  t.strictSame(await json('requeue', '--all', '--dry-run'), { dry_run: true, ...planned })
  t.match(await delivery(good), { state: 'failed' })
  t.equal((await cli('requeue', '--all')).out, '1 are tried again; 1 come too late, 1 were refused or sent\n')
  t.equal(await house.ended('otp', good), 'finished')
  t.equal((await mailsOf(good)).length, 1)
  t.match(await db.collection('audit').findOne({ event: 'mail.requeued', subject: good.delivery_id }), { actor: 'operator' })

  const again = await cli('requeue', good.delivery_id)
  t.equal(again.code, 1)
  t.match(again.err, /not among the failed mails/)
  t.strictSame(await json('requeue', late.delivery_id), { dry_run: false, requeued: [], late: [late.delivery_id], refused: [] })
  for (const wrong of [['requeue'], ['requeue', 'x'], ['requeue', '--all', good.delivery_id]]) t.equal((await cli(...wrong)).code, 2, wrong.join(' '))
})

t.test('suppressed addresses are shown masked, and lifted by whoever knows them', async (t) => {
  t.equal((await cli('suppressions', 'list')).out, 'no address is suppressed\n')
  smtp.fail('unknown recipient')
  const gone = payloadOf('otp', codeMail('gone@mailbox.example.org'))
  t.equal(await send('otp', gone), 'failed')
  smtp.fail('none')
  t.match(await json('suppressions', 'list'), [{ address: 'g***@m***.org', reason: 'smtp 550 5.1.1 RCPT TO', dropped: 0, delivery_id: gone.delivery_id }])

  t.equal((await cli('suppressions', 'lift', 'gone@mailbox.example.org', '--dry-run')).out, 'g***@m***.org is suppressed (smtp 550 5.1.1 RCPT TO) and would be lifted\n')
  t.match(await json('suppressions', 'list'), [{}])
  t.equal((await cli('suppressions', 'lift', 'Gone@Mailbox.Example.org')).out, 'g***@m***.org gets mails again; 0 were dropped\n')
  t.strictSame(await json('suppressions', 'list'), [])
  const twice = await cli('suppressions', 'lift', 'gone@mailbox.example.org')
  t.equal(twice.code, 1)
  t.match(twice.err, /g\*\*\*@m\*\*\*\.org is not suppressed/)
  t.equal((await cli('suppressions', 'lift', 'no address')).code, 2)
  t.match(await db.collection('audit').findOne({ event: 'mail.suppression_lifted' }), { subject: gone.delivery_id, actor: 'operator' })
})
