import t from 'tap'
import { Type } from 'typebox'
import { Value } from 'typebox/value'
import {
  commandListKey, commands, EmailAddress, jobs, LinkBase, mailSealContext, maskAddress, PhoneNumber, Problem, problemBySlug, ProblemDocument, problemDocument, problems,
  isOfAction, queuePrefix, replyChannel, routes, verifiedSignUpRoutes, serviceNames, StepUpAction, stepUpActionOf, stepUpActions, stores, templatesOf, transactionMoves, transactionStates, MailContent, Amount, UserId
} from '../src/index.ts'

t.test('no problem shares its type with another, and each says enough', async (t) => {
  const all = Object.values(problems)
  t.equal(new Set(all.map(({ type }) => type)).size, all.length)
  for (const kind of all) {
    t.equal(problemBySlug(kind.slug), kind)
    t.match(kind, { type: `/problems/${kind.slug}`, title: /^.{5,}$/, detail: /^.{10,}$/ })
    t.ok(kind.status >= 400 && kind.status < 600, kind.slug)
    if (kind.status === 401) t.match(kind.detail, /Unauthorized/)
    if (kind.status === 429) t.match(kind.detail, /Too many requests/)
  }
  t.equal(problemBySlug('of-a-newer-version'), undefined)
})

t.test('a problem becomes an RFC 9457 document with its extensions', async (t) => {
  const document = problemDocument(new Problem(problems.sendLimited, { retry_after: 12 }), 'req_1')
  t.ok(Value.Check(ProblemDocument, document))
  t.match(document, { type: '/problems/send-limited', status: 429, retry_after: 12, instance: 'urn:request:req_1' })
  t.equal(problemDocument(new Problem(problems.notFound, { detail: 'no such wallet' })).detail, 'no such wallet')
})

t.test('commands have one name each, known ends, and refuse unknown fields', async (t) => {
  t.equal(new Set(commands.map(({ name }) => name)).size, commands.length)
  for (const { name, callee, callers, request, deadlineMs } of commands) {
    t.ok(serviceNames.includes(callee), name)
    t.ok(callers.length > 0 && callers.every((caller) => serviceNames.includes(caller) && caller !== callee), name)
    t.ok(deadlineMs > 0 && deadlineMs <= 10_000, name)
    t.equal((request as { additionalProperties?: boolean }).additionalProperties, false, name)
  }
  t.equal(commandListKey('otp-service', 'signer-service'), 'cmd:otp-service:signer-service')
  t.equal(replyChannel('auth-gateway', 'x'), 'reply:auth-gateway:x')
})

t.test('the gateway can ask for nothing that the signer alone may ask', async (t) => {
  const ofGateway = commands.filter(({ callers }) => callers.includes('auth-gateway')).map(({ name }) => name)
  t.notOk(ofGateway.some((name) => name.startsWith('challenges.') || name === 'factors.describe'))
})

t.test('jobs have queues of their own, and ids that BullMQ takes', async (t) => {
  t.equal(new Set(jobs.map(({ name }) => name)).size, jobs.length)
  for (const job of jobs) {
    t.notMatch(job.name, /[:\s{}]/)
    t.equal(queuePrefix(job), `{${job.name}}`)
    t.ok(job.attempts > 1 && job.firstRetryMs > 0 && job.firstRetryMs <= (job.longestRetryMs ?? Infinity))
  }
})

t.test('each mail queue has its templates, and every template belongs to one queue', async (t) => {
  const mailQueues = jobs.map(({ name }) => name).filter((name) => name.startsWith('mail-'))
  t.strictSame(Object.keys(templatesOf).sort(), mailQueues.sort())
  const known = (MailContent as unknown as { anyOf: { properties: { template: { const: string } } }[] }).anyOf.map(({ properties }) => properties.template.const)
  t.strictSame(Object.values(templatesOf).flat().sort(), [...known].sort())
  for (const [queue, templates] of Object.entries(templatesOf)) if (queue !== 'mail-otp') t.notOk(templates.some((template) => /code|password_reset/.test(template)), queue)
  t.not(mailSealContext('mail-otp', { delivery_id: 'a', useful_until: 'b' }), mailSealContext('mail-gateway', { delivery_id: 'a', useful_until: 'b' }))
})

t.test('routes have one name and one place each, and their problems exist', async (t) => {
  t.equal(new Set(routes.map(({ operationId }) => operationId)).size, routes.length)
  t.equal(new Set(routes.map(({ method, path }) => `${method} ${path}`)).size, routes.length)
  for (const route of routes) {
    // The earlier systems' paths are what they were, and their callers may send more than is read.
    const earlier = route.tag === 'Earlier systems'
    t.ok(earlier || route.path.startsWith('/api/v1/') || route.tag === 'Probes', route.path)
    t.ok(route.problems.every((name) => name in problems), route.operationId)
    if (route.caller === 'session') t.ok(route.problems.includes('unauthorized'), route.operationId)
    if (route.body !== undefined && !earlier) t.equal((route.body as { additionalProperties?: boolean }).additionalProperties, false, route.operationId)
  }
})

t.test('no caller but an administrator has a field to say who is proved, trusted or in charge', async (t) => {
  const said = /verif(ied|ication_status)|proved|trusted|^roles?$|is_?admin|epoch|^user_?id$|assurance|aal/i
  const fieldsOf = (schema: object): string[] => Object.entries(schema).flatMap(([key, value]) => [
    ...key === 'properties' ? Object.keys(value as object) : [],
    ...typeof value === 'object' && value !== null ? fieldsOf(value as object) : []
  ])
  const bodies = routes.filter(({ body, role }) => body !== undefined && role !== 'admin')
  t.ok(bodies.length > 30)
  for (const { operationId, body } of bodies) t.strictSame(fieldsOf(body ?? {}).filter((name) => said.test(name)), [], operationId)
})

t.test('what a second proof is asked for is said by fields that the route has, and each action is used', async (t) => {
  const asking = routes.flatMap(({ operationId, stepUp, fresh, params, body }) => stepUp === undefined ? [] : [{ operationId, stepUp, fresh, params, body }])
  // Asked for by otp-service alone: whether an address needs a proof depends on the factors that are there.
  const byOtpService = ['factors.add_email']
  t.strictSame([...new Set(asking.map(({ stepUp }) => stepUp.action)), ...byOtpService].sort(), Object.keys(stepUpActions).sort())
  for (const { operationId, stepUp, fresh, params, body } of asking) {
    t.ok(fresh, operationId)
    t.equal('what' in stepUpActions[stepUp.action], stepUp.resource.length > 0, `${operationId}: the mail names what there is to name`)
    for (const place of [...stepUp.resource, ...stepUp.narrowedBy ?? []]) {
      const [part, field = ''] = place.split('.')
      t.ok((part === 'params' ? params : body)?.properties[field], `${operationId} ${place}`)
    }
    const { examples = [] } = (body ?? {}) as { examples?: unknown[] }
    const action = stepUpActionOf(stepUp, { params: { id: 'key_1', provider: 'evm', provider_id: 'a b' }, body: examples[0] })
    t.ok(Value.Check(StepUpAction, action), `${operationId} ${action.resource_id}`)
    t.notMatch(action.resource_id, /undefined/)
  }
})

t.test('what narrows an API key is part of what is confirmed, down to its last network', (t) => {
  const { stepUp } = routes.find(({ operationId }) => operationId === 'createApiKey') ?? {}
  if (stepUp === undefined) throw new Error('making a key asks for a proof')
  const idOf = (body: object): string => stepUpActionOf(stepUp, { params: {}, body }).resource_id
  const scopes = ['profile:read', 'audit:read']
  t.equal(idOf({ name: 'x', scopes }), 'profile:read+audit:read')
  t.equal(idOf({ scopes, networks: [] }), 'profile:read+audit:read', 'no networks are none')
  const networks = Array.from({ length: 8 }, (_, at) => `2001:0db8:1111:2222:3333:4444:5555:${6660 + at}/128`)
  const widest = { type: stepUp.action, resource_id: idOf({ scopes: ['transactions:read'], expires_in_days: 3650, networks, max_per_minute: 100_000 }) }
  t.match(widest.resource_id, /^transactions:read;expires_in_days=3650;networks=2001:[^;]*6667\/128;max_per_minute=100000$/)
  t.ok(isOfAction(widest))
  t.ok(Value.Check(StepUpAction, widest))
  t.notOk(isOfAction({ ...widest, resource_id: 'profile:read;networks=see http://evil' }))
  t.end()
})

t.test('every body and every answer of a route has an example that its own schema takes', async (t) => {
  for (const { operationId, body, reply } of [...routes, ...verifiedSignUpRoutes]) {
    for (const [part, schema] of Object.entries({ body, reply })) {
      if (schema === undefined) continue
      const { examples = [] } = schema as { examples?: unknown[] }
      t.ok(examples.length > 0, `${operationId} has an example of its ${part}`)
      for (const example of examples) t.ok(Value.Check(schema, example), `${operationId}: ${JSON.stringify(Value.Errors(schema, example)[0])}`)
    }
  }
})

t.test('stores name each service\'s database, and audit rows are insert-only everywhere', async (t) => {
  t.strictSame(Object.keys(stores).sort(), [...serviceNames].sort())
  t.equal(new Set(Object.values(stores).map(({ database }) => database)).size, serviceNames.length)
  for (const { collections, insertOnly } of Object.values(stores)) {
    t.ok(insertOnly.includes('audit'))
    t.notOk(collections.some((name) => insertOnly.includes(name)))
  }
})

t.test('every state is reached and left by the table of moves alone, and final ones are not left', async (t) => {
  const reached = new Set(Object.values(transactionMoves).flat())
  for (const state of transactionStates) t.ok(state === 'received' || reached.has(state), state)
  for (const state of ['confirmed', 'rejected', 'cancelled', 'expired', 'failed'] as const) t.strictSame(transactionMoves[state], [], state)
})

t.test('an address is one plain mailbox', async (t) => {
  for (const good of ['ada@example.com', 'a.b+c@sub.example.co', "o'neil@example.org", 'x@xn--bcher-kva.example', 'x@xn--80ak6aa92e.xn--p1ai', `${'a'.repeat(32)}.${'b'.repeat(31)}@example.com`]) t.ok(Value.Check(EmailAddress, good), good)
  const bad = [
    '"ada b"@example.com', 'ada@example.com,eve@evil.test', 'ada@example.com\r\nBcc: eve@evil.test', 'ada@[127.0.0.1]', 'ada@localhost',
    'ada@exa mple.com', 'ada..b@example.com', '.ada@example.com', 'ada@example.com.', 'ada@-example.com', 'adа@example.com', 'ada (x)@example.com',
    'group: a@example.com;', '<ada@example.com>', `${'a'.repeat(65)}@example.com`, `${'a'.repeat(32)}.${'b'.repeat(32)}@example.com`, 'ada@bücher.example', 'ada@example.com ', 'ada@example.com\n', 'a@b@example.com', `a@${'b'.repeat(250)}.com`, ''
  ]
  for (const text of bad) t.notOk(Value.Check(EmailAddress, text), JSON.stringify(text))
})

t.test('a link begins where the gateway says, and holds nothing that could be read in two ways', async (t) => {
  for (const good of ['https://app.example.com', 'https://app.example.com/reset', 'http://127.0.0.1:3000/sign-in/link']) t.ok(Value.Check(LinkBase, good), good)
  const bad = [
    'https://user@app.example.com/x', 'https://app.example.com/x?next=y', 'https://app.example.com/x#y', 'javascript:alert(1)', '//app.example.com', 'https://app.example.com/a b',
    'https://app.example.com/\n', 'https://app.example.com\\@evil.example', 'https://\u0430pp.example.com', 'https://', 'https://app.example.com/%0a', `https://app.example.com/${'a'.repeat(500)}`
  ]
  for (const text of bad) t.notOk(Value.Check(LinkBase, text), JSON.stringify(text))
})

t.test('no notice holds a second line, a control character or text that runs backwards', async (t) => {
  const mail = (device: string) => ({ template: 'new_device', to: 'ada@example.com', parameters: { at: '2030-01-01T00:00:00Z', method: 'password', device } })
  for (const good of ['Firefox on Linux', 'Ada’s telephone 📱', '<b>']) t.ok(Value.Check(MailContent, mail(good)), good)
  for (const bad of ['', 'a\nb', 'a\rb', 'a\u0000', 'a\u2028b', '\u202eevil', '\u2066x', 'x'.repeat(201)]) t.notOk(Value.Check(MailContent, mail(bad)), encodeURIComponent(bad))
  const broadcast = (message: string) => ({ template: 'broadcast', to: 'ada@example.com', parameters: { message } })
  t.ok(Value.Check(MailContent, broadcast('Two\nlines')))
  for (const bad of ['a\rb', 'x'.repeat(2_001), '\u202e']) t.notOk(Value.Check(MailContent, broadcast(bad)), encodeURIComponent(bad.slice(0, 9)))
})

t.test('the gateway\'s key opens no mail with a code, and only otp-service\'s mails hold a link', async (t) => {
  const parametersOf = (name: string) => Object.keys((MailContent as unknown as { anyOf: { properties: { template: { const: string }, parameters: { properties: object } } }[] }).anyOf
    .find(({ properties }) => properties.template.const === name)?.properties.parameters.properties ?? {})
  for (const [queue, names] of Object.entries(templatesOf)) {
    for (const name of names) if (queue !== 'mail-otp') t.notOk(parametersOf(name).some((key) => ['code', 'link', 'url', 'token'].includes(key)), `${queue}: ${name}`)
  }
})

t.test('a telephone number is E.164 and nothing else, and of an address of either kind no mask shows more than it may', async (t) => {
  for (const good of ['+12025550123', '+41790000012', '+6421000000', '+123456789012345']) t.ok(Value.Check(PhoneNumber, good), good)
  for (const bad of ['41790000012', '0041790000012', '+0790000012', '+4179000', '+1234567890123456', '+41 79 000 00 12', '+4179000001\n2', '+41790000012\n', '+4179٠000012', '']) t.notOk(Value.Check(PhoneNumber, bad), JSON.stringify(bad))
  for (const [address, mask] of [
    ['+41790000012', '+41…••12'], ['+12025550123', '+1…••23'], ['+79161234567', '+7…••67'], ['+3726001234', '+372…••34'], ['+5511912345678', '+55…••78'], ['+59399123456', '+593…••56'],
    ['ada@example.com', 'a***@e***.com'], ['+tag@example.com', '+***@e***.com'], ['neither', '…••er']
  ] as const) t.equal(maskAddress(address), mask)
  t.equal(maskAddress(null), '')
})

t.test('amounts are whole decimal numbers and ids have their prefix', async (t) => {
  for (const good of ['0', '1', '115792089237316195423570985008687907853269984665640564039457584007913129639935']) t.ok(Value.Check(Amount, good), good)
  for (const bad of ['', '-1', '01', '1.0', '1e18', '0x1', ' 1', '1'.repeat(79)]) t.notOk(Value.Check(Amount, bad), bad)
  t.ok(Value.Check(UserId, 'usr_01HZZZZZZZZZZZZZZZZZZZZZZZ'))
  for (const bad of ['usr_', 'ses_01HZZZZZZZZZZZZZZZZZZZZZZZ', 'usr_01HZZZZZZZZZZZZZZZZZZZZZZI', 'usr_01HZZZZZZZZZZZZZZZZZZZZZZZ\n']) t.notOk(Value.Check(UserId, bad), JSON.stringify(bad))
  t.ok(Type.IsString(UserId))
})
