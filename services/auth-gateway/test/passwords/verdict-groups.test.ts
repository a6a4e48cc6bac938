import t from 'tap'
import { createGroups } from '../../src/passwords/verdict-groups.ts'

t.test('those of a group wait for one and the same moment; who comes after it is of the next', async (t) => {
  const nextGroup = createGroups(1)
  const [first, second] = [nextGroup(), nextGroup()]
  t.equal(first, second)
  await first
  t.not(nextGroup(), first)
})
