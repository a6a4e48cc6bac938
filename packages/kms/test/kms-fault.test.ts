import * as sdk from '@aws-sdk/client-kms'
import t from 'tap'
import { KmsFault, toKmsFault, type KmsFaultCode } from '../src/kms-fault.ts'
import { PublicKeyRefused } from '../src/public-key.ts'
import { SignatureRefused } from '../src/signature-refused.ts'

const thrown = (name: string, status?: number): Error => Object.assign(new Error('User: arn:aws:iam::123456789012:user/alice is not authorized'), {
  name, $metadata: status === undefined ? undefined : { httpStatusCode: status, requestId: 'r-1' }, $response: { headers: { authorization: 'AWS4 …' } }
})

void t.test('each error has one code, and two codes may be retried', (t) => {
  const table: [Error, KmsFaultCode, boolean][] = [
    [thrown('ThrottlingException', 400), 'throttled', true],
    [thrown('Whatever', 429), 'throttled', true],
    [thrown('AccessDeniedException', 400), 'denied', false],
    [thrown('ExpiredTokenException', 403), 'denied', false],
    [thrown('NotFoundException', 400), 'not_found', false],
    [thrown('DisabledException', 400), 'disabled', false],
    [thrown('KMSInvalidStateException', 400), 'disabled', false],
    [thrown('KeyUnavailableException', 500), 'unavailable', true],
    [thrown('KMSInternalException', 500), 'unavailable', true],
    [thrown('SomethingNew', 503), 'unavailable', true],
    [thrown('TimeoutError'), 'unavailable', true],
    [thrown('CredentialsProviderError'), 'unavailable', true],
    [thrown('InvalidKeyUsageException', 400), 'bad_key', false],
    [thrown('UnsupportedOperationException', 400), 'bad_key', false],
    [thrown('ValidationException', 400), 'refused', false],
    [thrown('AlreadyExistsException', 400), 'refused', false],
    [new PublicKeyRefused('not a point'), 'bad_key', false],
    [new SignatureRefused('not DER'), 'bad_signature', false]
  ]
  for (const [error, code, retryable] of table) t.match(toKmsFault(error, 'Sign'), { code, retryable, operation: 'Sign' }, error.name)
  t.end()
})

void t.test('it keeps names and the request id and drops messages and requests', (t) => {
  const fault = toKmsFault(thrown('AccessDeniedException', 400), 'Sign')
  t.equal(fault.message, 'kms Sign: denied (AccessDeniedException)')
  t.equal(fault.awsRequestId, 'r-1')
  t.notMatch(JSON.stringify(fault) + String(fault.stack), /alice|123456789012|AWS4/)
  t.equal(toKmsFault(Object.assign(new Error('connect'), { code: 'ECONNREFUSED' }), 'Sign').reason, 'ECONNREFUSED')
  t.equal(toKmsFault(new SignatureRefused('not a DER sequence'), 'Sign').reason, 'not a DER sequence')
  for (const strange of [undefined, null, 'text', {}]) t.match(toKmsFault(strange, 'Sign'), { code: 'unavailable', reason: 'Error' })
  const already = new KmsFault('throttled', { operation: 'Sign', reason: 'client-side limit' })
  t.equal(toKmsFault(already, 'Other'), already)
  t.end()
})

void t.test('no error that the SDK declares for a retry is taken for a final refusal', (t) => {
  const declared = Object.entries(sdk).filter(([name, value]) => typeof value === 'function' && value.prototype instanceof sdk.KMSServiceException && name !== 'KMSServiceException')
  t.ok(declared.length > 30)
  for (const [name] of declared) {
    const fault = toKmsFault(thrown(name, 400), 'Sign')
    const passing = ['DependencyTimeoutException', 'KeyUnavailableException', 'KMSInternalException'].includes(name)
    t.equal(fault.retryable, passing, name)
  }
  t.end()
})
