/** Asked as often as anybody likes, it looks once in a while: a flood of probes must not take connections from sign-in. */
export function sharedAnswer<T> (ms: number, look: () => Promise<T>): () => Promise<T> {
  let answer: Promise<T> | undefined
  let askedAt = -Infinity
  return () => {
    if (answer === undefined || performance.now() - askedAt > ms) {
      askedAt = performance.now()
      answer = look()
    }
    return answer
  }
}
