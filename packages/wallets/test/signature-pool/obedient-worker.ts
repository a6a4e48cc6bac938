/** A thread that does as it is told, also what no thread should. */
import { parentPort, threadId } from 'node:worker_threads'

export type Order =
  | { readonly do: 'answer', readonly value: string }
  | { readonly do: 'wait', readonly gate: Int32Array }
  | { readonly do: 'throw' | 'exit' | 'hang' | 'hog' | 'say thread' }

const deeds = {
  answer: ({ value }: { value: string }) => value,
  wait: ({ gate }: { gate: Int32Array }) => Atomics.wait(gate, 0, 0),
  throw: () => { throw new Error('ordered to throw') },
  exit: () => process.exit(3),
  hang: () => { for (;;); },
  hog: () => { for (const kept: unknown[] = []; ;) kept.push(Array(1_000_000).fill(0)) },
  'say thread': () => threadId
}

parentPort?.on('message', (order: Order) => {
  parentPort?.postMessage((deeds[order.do] as (order: Order) => unknown)(order))
})
