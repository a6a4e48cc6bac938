/** What the emulator refuses, under the names that AWS KMS uses, so that a client's error handling meets the real thing. */

export type KmsErrorName =
  | 'AccessDeniedException'
  | 'AlreadyExistsException'
  | 'DisabledException'
  | 'InvalidAliasNameException'
  | 'InvalidKeyUsageException'
  | 'InvalidMarkerException'
  | 'KMSInternalException'
  | 'NotFoundException'
  | 'SerializationException'
  | 'TagException'
  | 'ThrottlingException'
  | 'UnknownOperationException'
  | 'UnsupportedOperationException'
  | 'ValidationException'

/** A refusal; travels as `{ "__type": name, "message": message }`. The message never holds key material. */
export class KmsError extends Error {
  readonly status: number

  constructor (name: KmsErrorName, message: string) {
    super(message)
    this.name = name
    this.status = name === 'KMSInternalException' ? 500 : 400
  }
}
