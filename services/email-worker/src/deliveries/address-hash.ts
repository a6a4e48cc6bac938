/** One address, one name for it that only this service can make. */
import { deriveKey, keyedHash } from '@countersign/secrets'

/** @param secretKey SECRET_KEY. After a change of it every address is a new one: suppressions are learnt again. */
export const createAddressHash = (secretKey: string): ((address: string) => string) => {
  const key = deriveKey(secretKey, 'email/address/v1')
  // The domain knows no case, and no mail server in use tells local parts apart by it.
  return (address) => keyedHash(key, address.toLowerCase()).toString('base64url')
}
