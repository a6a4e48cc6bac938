/** The text of a key: `sk_live_` or `sk_test_` and 256 random bits in hex, as the earlier systems wrote theirs. */
import { keyedHash } from '@countersign/secrets'
import type { KeyMode } from './api-key.ts'

const form = /^sk_(live|test)_[0-9a-f]{64}$/

export interface KeyTexts {
  draw (mode: KeyMode): { readonly text: string, readonly mac: string, readonly lastFour: string }
  /** @returns undefined for what cannot be a key */
  read (text: string): { readonly mode: KeyMode, readonly mac: string } | undefined
}

/** @param key 32 bytes for this purpose alone: what MongoDB keeps of a key is an HMAC under it. */
export function createKeyTexts ({ key, randomHex }: { readonly key: Uint8Array, readonly randomHex: () => string }): KeyTexts {
  const macOf = (text: string): string => keyedHash(key, 'api-key', text).toString('base64url')
  return {
    draw (mode) {
      const text = `sk_${mode}_${randomHex()}`
      return { text, mac: macOf(text), lastFour: text.slice(-4) }
    },
    read (text) {
      const mode = form.exec(text)?.[1]
      return mode === 'live' || mode === 'test' ? { mode, mac: macOf(text) } : undefined
    }
  }
}
