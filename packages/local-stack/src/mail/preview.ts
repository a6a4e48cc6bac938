/** Every mail of the house with example data, beside the mails that came. */
import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { ServiceEnvironment } from '../environment.ts'
import { workspaceRoot } from '../tools/cache.ts'

export const mailPreviewFolder = (dataDirectory: string): string => join(dataDirectory, 'mail-preview')

/** What of a running stack is asked here. */
export interface PreviewedStack {
  readonly dataDirectory: string
  readonly smtp: { readonly viewerUrl: string }
  readonly environmentFor: (service: 'email-worker') => ServiceEnvironment
}

/**
 * @param look PROJECT_NAME and MAIL_TEMPLATE_DIR, where email-worker was given them
 * @returns where the mail viewer shows it
 */
export async function writeMailPreview (stack: PreviewedStack, look: Readonly<Record<string, string>> = {}): Promise<string> {
  const cli = join(workspaceRoot(), 'services', 'email-worker', 'dist/cli.js')
  const environment = { PATH: process.env['PATH'], ...stack.environmentFor('email-worker'), ...look }
  await promisify(execFile)(process.execPath, [cli, 'email', 'preview', '--out', mailPreviewFolder(stack.dataDirectory)], { env: environment })
  return `${stack.smtp.viewerUrl}/preview/`
}
