// Imported before tap, which otherwise follows every promise of the process with async hooks, so that what throws outside of all tests is laid to one of
// them: that makes every promise of the services under test dearer. Without it such a throw ends the process, and with it the file it came from.
import hooks from 'node:async_hooks'
import { syncBuiltinESMExports } from 'node:module'

hooks.createHook = () => ({ enable () { return this }, disable () { return this } })
syncBuiltinESMExports()
