/** The operations that the emulator speaks; a test holds this list against the table of handlers. */
export const operationNames: readonly string[] = [
  'CreateAlias',
  'CreateKey',
  'DescribeKey',
  'DisableKey',
  'EnableKey',
  'GetPublicKey',
  'ListAliases',
  'ListKeys',
  'ListResourceTags',
  'Sign'
]
