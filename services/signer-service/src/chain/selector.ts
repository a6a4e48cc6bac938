import { keccak256, toBytes } from 'viem/utils'
import type { Hex } from './quantity.ts'

/** @param signature canonical: `transfer(address,uint256)`. @returns the first four bytes of its keccak-256 (ABI specification, function selector) */
export const selectorOf = (signature: string): Hex => keccak256(toBytes(signature)).slice(0, 10) as Hex
