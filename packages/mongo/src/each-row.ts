/** One update for many rows, each of which is given its own: the server parses and plans it once, which costs more than the rows do. */
import type { Document } from 'mongodb'

/**
 * @param given by `_id`, of all rows that the update's filter lets pass
 * @returns an expression for a pipeline: what the row at hand is given. Nothing in it is read as a field or a variable.
 */
export const givenTo = (given: ReadonlyMap<string, unknown>): Document =>
  ({ $arrayElemAt: [{ $literal: [...given.values()] }, { $indexOfArray: [{ $literal: [...given.keys()] }, '$_id'] }] })

/** @returns groups in which no row is named twice, for updates one after the other: of two items of one row the first is in an earlier group */
export function inTurns<Item> (items: readonly Item[], rowOf: (item: Item) => string): ReadonlyMap<string, Item>[] {
  const turns: Map<string, Item>[] = []
  for (const item of items) {
    const row = rowOf(item)
    const turn = turns.find((one) => !one.has(row))
    if (turn === undefined) turns.push(new Map([[row, item]]))
    else turn.set(row, item)
  }
  return turns
}

/** @returns of the values of a map, by the same keys */
export const eachOf = <Item, Made>(items: ReadonlyMap<string, Item>, make: (item: Item) => Made): ReadonlyMap<string, Made> => new Map([...items].map(([row, item]) => [row, make(item)]))
