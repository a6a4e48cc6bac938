/** Named places at which a test kills the process, to prove that a restart finds everything it needs. */

/** In the order in which a transfer passes them. */
export const crashPointNames = [
  'create.stored',
  'create.challenged',
  'confirm.received',
  'confirm.verified',
  'confirm.consuming',
  'confirm.approved',
  'lane.simulated',
  'lane.claiming',
  'lane.claimed',
  'lane.signed',
  'lane.storing',
  'lane.stored',
  'lane.sent',
  'lane.recorded',
  'lane.mined',
  'lane.confirmed'
] as const
export type CrashPointName = typeof crashPointNames[number]

/** Resolves at once, except where the process was told to die. */
export type CrashPoint = (name: CrashPointName) => Promise<void>

export const noCrash: CrashPoint = () => Promise.resolve()

/** @param at from CRASH_AT, which strict mode refuses. */
export const createCrashPoint = (at: CrashPointName | undefined): CrashPoint => at === undefined
  ? noCrash
  : (name) => {
    if (name !== at) return Promise.resolve()
    process.kill(process.pid, 'SIGKILL')
    // The signal may take a moment; nothing runs on meanwhile.
    return new Promise(() => {})
  }
