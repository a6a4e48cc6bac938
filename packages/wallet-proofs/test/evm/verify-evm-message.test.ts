import t from 'tap'
import { loadNative } from '../../src/recovery/native.ts'
import { verificationSuite } from './verification-suite.ts'

await verificationSuite(t, { backend: loadNative() === null ? 'noble' : 'native', runs: 300 })
