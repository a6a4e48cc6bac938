/** Takes credentials out of addresses that stand in a text: drivers put the whole address into their messages. */

const address = /\b([a-z][a-z0-9+.-]{0,30}:\/\/)([^\s"'<>`]+)/gi
/** Node providers carry the API key as a path segment (`/v2/<key>`); hashes and addresses of chains are no secrets. */
const keyLikeSegment = /\/(?!0x[0-9a-f]+(?=\/|$))[A-Za-z0-9_-]{20,}(?=\/|$)/gi

/** @returns the text with user names, passwords, query strings, fragments and key-like path segments of URLs removed. */
export function scrubText (text: string): string {
  if (!text.includes('://')) return text
  return text.replace(address, (whole, scheme: string, rest: string) => {
    // Stack traces hold file addresses, whose folders may be named like keys (and hold an @ under pnpm).
    if (scheme.toLowerCase() === 'file://') return whole
    // Up to the last @: an unencoded password may hold one itself.
    const at = rest.lastIndexOf('@')
    const [visible = ''] = rest.slice(at + 1).split(/[?#]/, 1)
    const query = visible.length < rest.length - at - 1 ? '?[redacted]' : ''
    return `${scheme}${at === -1 ? '' : '[redacted]@'}${visible.replace(keyLikeSegment, '/[redacted]')}${query}`
  })
}
