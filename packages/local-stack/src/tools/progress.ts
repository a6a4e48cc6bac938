/** Told one line about what takes time. */
export type Progress = (line: string) => void
