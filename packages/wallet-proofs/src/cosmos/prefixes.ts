/** Which chains an address may name. */

// Chains of the Cosmos SDK that derive the address by SHA-256 and RIPEMD-160.
const secp256k1 = ['akash', 'archway', 'axelar', 'celestia', 'cosmos', 'dydx', 'juno', 'kava', 'kujira', 'neutron', 'noble', 'osmo', 'persistence', 'secret', 'sei', 'stars', 'stride', 'terra'] as const
// Chains that derive it as Ethereum does.
const ethsecp256k1 = ['canto', 'dym', 'evmos', 'inj'] as const

/** Account prefixes accepted where the caller names none, by mode. Validator and other role prefixes are not among them. */
export const cosmosPrefixes = { secp256k1, ethsecp256k1 } as const

export const allCosmosPrefixes: readonly string[] = [...secp256k1, ...ethsecp256k1]

const MAX_PREFIXES = 1_000
// 90 characters (BIP 173) less the separator, 32 for 20 bytes, and 6 of the checksum.
const MAX_LENGTH = 51
const PREFIX = /^[a-z0-9]+$/

/** A copy of a caller's list; undefined where it is no list of prefixes. */
export function readPrefixes (prefixes: unknown): readonly string[] | undefined {
  try {
    if (!Array.isArray(prefixes) || prefixes.length > MAX_PREFIXES) return undefined
    const copy: unknown[] = Array.from(prefixes)
    return copy.every(isPrefix) ? copy : undefined
  } catch {
    return undefined // a getter or a proxy threw
  }
}

export const isPrefix = (value: unknown): value is string => typeof value === 'string' && value.length <= MAX_LENGTH && PREFIX.test(value)
