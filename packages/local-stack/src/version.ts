/** Compares dotted versions by their first two numbers. */
export const isAtLeast = (version: string, major: number, minor = 0): boolean => {
  const [hasMajor = 0, hasMinor = 0] = version.split('.').map(Number)
  return hasMajor > major || (hasMajor === major && hasMinor >= minor)
}
