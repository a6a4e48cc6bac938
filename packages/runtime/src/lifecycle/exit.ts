/** The one door out, for what main.ts calls: output is written synchronously before, so nothing is cut off. */
export function exitProcess (code: number): never {
  // eslint-disable-next-line no-restricted-properties -- runService and readEnvironmentOrExit are the last words of a main.ts.
  process.exit(code)
}
