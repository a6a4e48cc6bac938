/** Every mail with words of somebody who means harm in each place that takes somebody's words. */
import type { MailContent } from '@countersign/contracts'

const evil = '</pre></p><script>alert(1)</script><style>*{display:none}</style><img src=//example.com/x onerror="alert(2)"> {brand} {at} $& \'x\''

export const hostileMails = (examples: readonly MailContent[]): { readonly mail: MailContent, readonly evil: string }[] =>
  examples.map((content) => ({ evil, mail: { ...content, parameters: hostile(content.parameters) } as MailContent }))

const hostile = (value: unknown): unknown => typeof value === 'object' && value !== null
  ? Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, /(at|code|link|until)$/.test(key) ? inner : hostile(inner)]))
  : typeof value === 'string' ? evil : value
