/**
 * A filter value that matches this value and nothing else. A body that says `{ "$ne": null }` where a string was
 * expected is then compared as the object it is, instead of being run as an operator.
 */
export const exactly = <T>(value: T): { $eq: T } => ({ $eq: value })

/**
 * A value inside a pipeline update. Without it a string that begins with `$` would be read as a field of the row
 * or as a variable, for instance `$$NOW`.
 */
export const literally = <T>(value: T): { $literal: T } => ({ $literal: value })
