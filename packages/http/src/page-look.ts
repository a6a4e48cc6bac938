/** The one look of this server's own pages, and the policy that lets the browser take this style and no other. */
import { createHash } from 'node:crypto'

export const pageStyle = `:root { color-scheme: light dark }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; color: light-dark(#1a1a1a, #e8e8e6); background: light-dark(#fff, #1b1b1a) }
a { color: light-dark(#0b57d0, #8ab4f8) } input, button { font: inherit; padding: .4rem .8rem; min-height: 48px } input { display: block; width: 100%; max-width: 24rem; box-sizing: border-box }
code, pre { font: 13px/1.4 ui-monospace, monospace; background: light-dark(#f4f4f2, #2a2a28) }
pre { padding: .75rem; overflow-x: auto } table { border-collapse: collapse; width: 100% }
td { border-top: 1px solid light-dark(#ddd, #444); padding: .25rem .5rem .25rem 0; vertical-align: top } section { margin: 2.5rem 0 } h3 code { background: none; font-size: 16px }`

/** @param more further directives, such as `script-src 'self'`; what is not named is refused. */
export const pagePolicy = (...more: readonly string[]): string => [
  "default-src 'none'", `style-src 'sha256-${createHash('sha256').update(pageStyle).digest('base64')}'`, ...more,
  "base-uri 'none'", "form-action 'none'", "frame-ancestors 'none'"
].join(';')
