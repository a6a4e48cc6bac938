/** What cannot be parsed as HTTP, or takes too long to arrive, never becomes a request: it is answered on the socket and closed. */
import type { Socket } from 'node:net'
import { Problem, problemDocument, problems } from '@countersign/contracts'

interface ClientError extends Error { readonly code?: string }

const timeouts = new Set(['ERR_HTTP_REQUEST_TIMEOUT', 'ERR_HTTP_HEADERS_TIMEOUT'])

export const refuseClientError = (error: ClientError, socket: Socket): void => {
  if (error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy()
    return
  }
  const [line, body] = timeouts.has(error.code ?? '')
    ? ['408 Request Timeout', { type: 'about:blank', title: 'Request Timeout', status: 408 }]
    : ['400 Bad Request', problemDocument(new Problem(problems.malformedRequest))]
  const text = JSON.stringify(body)
  socket.end(`HTTP/1.1 ${line}\r\ncontent-type: application/problem+json\r\ncontent-length: ${Buffer.byteLength(text)}\r\nconnection: close\r\n\r\n${text}`)
}
