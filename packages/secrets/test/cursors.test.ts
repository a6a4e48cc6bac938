import { createHash } from 'node:crypto'
import { Problem } from '@countersign/contracts'
import t from 'tap'
import { createCursors } from '../src/index.ts'

t.test('a cursor belongs to its list', async (t) => {
  const cursors = createCursors(createHash('sha256').update('x').digest())
  const scope = ['usr_1', '']
  const cursor = cursors.write(scope, 'tx_01JD00000000000000000000A1')
  t.match(cursor, /^[A-Za-z0-9_-]+$/)
  t.equal(cursors.read(scope, cursor), 'tx_01JD00000000000000000000A1')
  for (const [other, text] of [[['usr_2', ''], cursor], [['usr_1', 'mined'], cursor], [['usr_', '1'], cursor], [scope, `${cursor.slice(0, -1)}A`], [scope, 'AAAA'], [scope, 'x'.repeat(500)]] as const) {
    t.throws(() => cursors.read(other, text), Problem)
  }
})
