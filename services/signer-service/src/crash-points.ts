/** Named places at which a test kills the process, to prove that a restart finds everything it needs. */

/** In the order in which a transfer passes them. Those that end in -ing lie inside the database transaction that does it. */
export const crashPointNames = [
  'create.read',
  'create.admitted',
  'create.storing',
  'create.stored',
  'create.challenged',
  'create.answered',
  'confirm.received',
  'confirm.verified',
  'confirm.judged',
  'confirm.consuming',
  'confirm.approving',
  'confirm.approved',
  'lane.held',
  'lane.looked',
  'lane.simulated',
  'lane.claiming',
  'lane.claimed',
  'lane.signed',
  'lane.storing',
  'lane.stored',
  'lane.sent',
  'lane.recording',
  'lane.recorded',
  'lane.mining',
  'lane.mined',
  'lane.confirming',
  'lane.confirmed',
  // Only where the chain, or whoever asked, makes it so.
  'lane.stuck',
  'lane.bumped',
  'cancel.asking',
  'cancel.asked',
  'speed.asking',
  'speed.asked',
  'lane.wished',
  'lane.answered',
  'lane.reorging',
  'lane.reorged',
  // Of a signature of a text or of typed data, in the order in which one passes them.
  'signature.admitting',
  'signature.admitted',
  'signature.approved',
  'signature.signed',
  'signature.storing',
  'signature.stored'
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
