/**
 * Nothing may outlive this process. Children are ended when it exits, and before it follows a signal;
 * against SIGKILL only the records on disk help (see records.ts).
 */

type EndNow = () => void
type Close = () => Promise<void>

const children = new Set<EndNow>()
const closers = new Set<Close>()
const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const

let watchingExit = false

const endChildren = (): void => {
  for (const endNow of children) endNow()
}

/** Ends that child at once when this process exits for whatever reason. Returns how to forget it. */
export const endOnExit = (endNow: EndNow): () => void => {
  if (!watchingExit) {
    watchingExit = true
    process.on('exit', endChildren)
  }
  children.add(endNow)
  return () => { children.delete(endNow) }
}

let handling = false

const onSignal = (signal: NodeJS.Signals): void => {
  if (handling) {
    // The second signal comes from somebody who does not want to wait.
    endChildren()
    follow(signal)
    return
  }
  handling = true
  const inReverse = [...closers].reverse()
  const closeAll = async (): Promise<void> => {
    for (const close of inReverse) await close().catch(() => undefined)
  }
  void closeAll().finally(() => {
    endChildren()
    follow(signal)
  })
}

const follow = (signal: NodeJS.Signals): void => {
  for (const name of signals) process.removeListener(name, onSignal)
  // With its own listener gone the signal does what it would have done without us, the exit code included.
  process.kill(process.pid, signal)
}

/** Closes in reverse order of registration when a signal ends this process. Returns how to forget it. */
export const closeOnSignal = (close: Close): () => void => {
  if (closers.size === 0) for (const name of signals) process.on(name, onSignal)
  closers.add(close)
  return () => {
    closers.delete(close)
    if (closers.size === 0 && !handling) for (const name of signals) process.removeListener(name, onSignal)
  }
}
