/**
 * Where mailed links lead when FRONTEND_URL is this gateway. The token stands in the fragment, which reaches no server; nothing is used up
 * by loading a page, however often a scanner does it: only a click posts the token.
 */
import { pagePolicy, pageStyle } from '@countersign/http'
import type { FastifyInstance, FastifyReply } from 'fastify'
import { mailedLinkScript } from './mailed-link-script.ts'
import type { OpenerCookie } from './opener-cookie.ts'

export interface MailedLinkPagesDeps {
  readonly email: { readonly cookie: Pick<OpenerCookie, 'read'> }
}

const scriptPath = '/mailed-link.js'
const policy = pagePolicy("script-src 'self'", "connect-src 'self'")

const page = (title: string, body: string): string => `<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><meta name="robots" content="noindex"><title>${title}</title><style>${pageStyle}</style><script src="${scriptPath}" defer></script></head>
<body>
<h1>${title}</h1>
${body}
<p id="outcome" role="status"></p>
<noscript><p>This page needs JavaScript. You can type the code from the mail where you asked for it instead.</p></noscript>
</body>
</html>
`

const ownAddress = page('Confirm your address', `<p>Confirm that this address is yours.</p>
<form id="verify"><button>Confirm</button></form>`)

const strangeBrowser = page('Confirm your address', `<p><strong>This is not the browser in which the account was opened.</strong>
If you opened it yourself, go back there and type the code from the mail.</p>
<p>If you did not: whoever did has no right to your address. Confirm, and it is taken from that account, together with its password. You can then sign in with it by a mailed code.</p>
<form id="verify"><button>I did not open that account: the address is mine</button></form>`)

const newPassword = page('Set a new password', `<form id="reset">
<p><label>New password <input id="password" type="password" autocomplete="new-password" required minlength="8" maxlength="128"></label></p>
<button>Set password</button>
</form>`)

const newFactor = page('A new second factor', `<p>A second factor was added to your account. If it was you, close this page: nothing has happened.</p>
<p>If it was not you: somebody is signed in to your account. Take the factor away here, then sign in, close the sessions that you do not know, change your password and tell the operator of this service.</p>
<form id="object"><button>I did not add it: take it away</button></form>`)

export function mailedLinkPages (app: FastifyInstance, { email: { cookie } }: MailedLinkPagesDeps): void {
  const html = (reply: FastifyReply, text: string): FastifyReply => reply.type('text/html; charset=utf-8').header('content-security-policy', policy).send(text)

  app.get('/verify-email', { schema: { hide: true } as object }, async (request, reply) => html(reply, cookie.read(request) === undefined ? strangeBrowser : ownAddress))
  app.get('/reset-password', { schema: { hide: true } as object }, async (_request, reply) => html(reply, newPassword))
  app.get('/new-factor', { schema: { hide: true } as object }, async (_request, reply) => html(reply, newFactor))
  app.get(scriptPath, { schema: { hide: true } as object }, async (_request, reply) => reply.type('text/javascript; charset=utf-8').send(mailedLinkScript))
}
