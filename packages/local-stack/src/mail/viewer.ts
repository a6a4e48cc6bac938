import { createServer, type ServerResponse } from 'node:http'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { escape, isAskedLocally, page, pageHeaders, send, sendJson } from '../pages.ts'
import { claimPort, takenPort } from '../ports.ts'
import type { Mail } from './mail.ts'

/** A mail as its reader sees it: styles and the logo inside of it, and nothing that runs or is fetched. */
const asWritten = { ...pageHeaders, 'content-security-policy': "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; sandbox" }

const listPage = (mails: readonly Mail[]): string => {
  const rows = [...mails].reverse().map(({ id, receivedAt, to, subject }) =>
    `<tr><td>${escape(receivedAt)}</td><td>${escape(to.join(', '))}</td><td><a href="/mails/${escape(id)}">${escape(subject === '' ? '(no subject)' : subject)}</a></td></tr>`)
  return page('Mails', `<h1>Mails</h1><p>Every mail of the local stack ends here. <a href="/api/mails">As JSON</a> · <a href="/preview/">All that the services write, with example data</a></p>${rows.length === 0
    ? '<p>None yet. Reload after something was sent.</p>'
    : `<table><thead><tr><th>Received</th><th>To</th><th>Subject</th></tr></thead><tbody>${rows.join('')}</tbody></table>`}`)
}

const mailPage = ({ id, from, to, subject, receivedAt, text, html }: Mail): string =>
  page(subject, `<p><a href="/">All mails</a>${html === undefined ? '' : ` · <a href="/mails/${escape(id)}/html">As its reader sees it</a>`}</p><h1>${escape(subject)}</h1><p>From ${escape(from)} to ${escape(to.join(', '))}, received ${escape(receivedAt)}</p><pre>${escape(text)}</pre>`)

export interface Viewer { readonly url: string, readonly close: () => Promise<void> }

export interface ViewerOptions {
  readonly port: number | undefined
  readonly mails: readonly Mail[]
  readonly clear: () => void
  /** What `countersign email preview` wrote, when it has. */
  readonly previewFolder: string | undefined
}

/** The page for people and the JSON for programs: `GET /api/mails[?to=]`, `GET /api/mails/:id`, `DELETE /api/mails`. */
export const startViewer = async (options: ViewerOptions): Promise<Viewer> => {
  const { mails, clear, previewFolder } = options
  const port = await claimPort(options.port, 'the mail viewer')

  const server = createServer((request, response) => {
    if (!isAskedLocally(request, port)) {
      send(response, 421, 'text/plain', 'Use http://127.0.0.1\n')
      return
    }
    const url = new URL(request.url ?? '/', `http://127.0.0.1:${port}`)
    const id = /^\/(?:api\/)?mails\/([0-9a-f-]{36})(?:\/html)?$/.exec(url.pathname)?.[1]
    const mail = mails.find((known) => known.id === id)
    const to = url.searchParams.get('to')
    if (request.method === 'DELETE' && url.pathname === '/api/mails') {
      clear()
      response.writeHead(204, pageHeaders).end()
    } else if (request.method !== 'GET') {
      send(response, 405, 'text/plain', 'GET only\n')
    } else if (url.pathname === '/') {
      send(response, 200, 'text/html', listPage(mails))
    } else if (url.pathname === '/api/mails') {
      sendJson(response, { mails: to === null ? mails : mails.filter((known) => known.to.includes(to)) })
    } else if (url.pathname.startsWith('/preview/')) {
      void sendPreview(response, previewFolder, url.pathname.slice('/preview/'.length))
    } else if (mail === undefined) {
      send(response, 404, 'text/plain', 'No such mail\n')
    } else if (url.pathname.startsWith('/api/')) {
      sendJson(response, mail)
    } else if (url.pathname.endsWith('/html')) {
      send(response, 200, 'text/html', mail.html ?? '', asWritten)
    } else {
      send(response, 200, 'text/html', mailPage(mail))
    }
  })

  await new Promise<void>((resolve, reject) => {
    server.once('error', () => { reject(takenPort(port, 'the mail viewer')) })
    server.listen(port, '127.0.0.1', resolve)
  })
  return {
    url: `http://127.0.0.1:${port}`,
    close: async () => {
      const closed = new Promise<void>((resolve) => { server.close(() => { resolve() }) })
      server.closeAllConnections()
      await closed
    }
  }
}

/** By name only: a file of that folder, or none. */
const sendPreview = async (response: ServerResponse, folder: string | undefined, name: string): Promise<void> => {
  const [, file, ending] = /^([a-z_]+\.(html|txt))$/.exec(name === '' ? 'index.html' : name) ?? []
  const content = folder === undefined || file === undefined ? undefined : await readFile(join(folder, file), 'utf8').catch(() => undefined)
  if (content === undefined) send(response, 404, 'text/plain', 'No such preview: npm start writes them.\n')
  else send(response, 200, ending === 'html' ? 'text/html' : 'text/plain', content, asWritten)
}
