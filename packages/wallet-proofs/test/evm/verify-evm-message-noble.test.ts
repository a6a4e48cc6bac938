import t from 'tap'
import { verificationSuite } from './verification-suite.ts'

// The loader of the addon looks for a binary of this architecture and finds none, as on a platform without one. Nothing
// has been loaded yet: importing the package does not.
process.env.npm_config_arch = 'none'

await verificationSuite(t, { backend: 'noble', runs: 60 })
