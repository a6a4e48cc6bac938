/** Takes credentials out of a text: those in addresses, which drivers put whole into their messages, and those that the house issues itself. */

const address = /\b([a-z][a-z0-9+.-]{0,30}:\/\/)([^\s"'<>`]+)/gi
/** Node providers carry the API key as a path segment (`/v2/<key>`); hashes and addresses of chains are no secrets. */
const keyLikeSegment = /\/(?!0x[0-9a-f]+(?=\/|$))[A-Za-z0-9_-]{20,}(?=\/|$)/gi

/** Session secrets, API keys, refresh tokens (without their MAC they are worth nothing) and JWTs, by their beginnings. */
const issued = /\b(sess_|sk_live_|sk_test_|csr1\.ses_[0-9A-Z]+\.\d+\.|eyJ[\w-]+\.[\w-]+\.)[\w-]{16,}/g

/** @returns the text with credentials of the house's own, and user names, passwords, query strings, fragments and key-like path segments of URLs removed. */
export function scrubText (text: string): string {
  const own = text.replace(issued, '$1[redacted]')
  if (!own.includes('://')) return own
  return own.replace(address, (whole, scheme: string, rest: string) => {
    // Stack traces hold file addresses, whose folders may be named like keys (and hold an @ under pnpm).
    if (scheme.toLowerCase() === 'file://') return whole
    // Up to the last @: an unencoded password may hold one itself.
    const at = rest.lastIndexOf('@')
    const [visible = ''] = rest.slice(at + 1).split(/[?#]/, 1)
    const query = visible.length < rest.length - at - 1 ? '?[redacted]' : ''
    return `${scheme}${at === -1 ? '' : '[redacted]@'}${visible.replace(keyLikeSegment, '/[redacted]')}${query}`
  })
}

/** @returns the path of a request's URL without its query and without any segment that may be a credential or a mail address, however it is encoded */
export const scrubPath = (url: string): string => (url.split(/[?#]/, 1)[0] ?? '').replace(/[^/]{20,}|[^/]*(?:@|%40)[^/]*/gi, '[redacted]')
