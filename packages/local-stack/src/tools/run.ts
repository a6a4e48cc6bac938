import { execFile } from 'node:child_process'
import { accessSync, constants } from 'node:fs'
import { delimiter, join } from 'node:path'

export interface Outcome { readonly ok: boolean, readonly stdout: string, readonly lastLine: string }

/** Runs a tool to its end, without a shell. Never throws: a missing tool is an outcome like any other. */
export const run = async (command: string, args: readonly string[], options: { cwd?: string, env?: Record<string, string>, timeoutMs?: number } = {}): Promise<Outcome> =>
  await new Promise((resolve) => {
    execFile(command, [...args], {
      cwd: options.cwd,
      env: { ...process.env, ...options.env },
      timeout: options.timeoutMs ?? 300_000,
      maxBuffer: 16 * 1024 * 1024
    }, (error, stdout, stderr) => {
      const lines = `${stdout}\n${stderr}`.split('\n').map((line) => line.trim()).filter((line) => line !== '')
      resolve({ ok: error === null, stdout, lastLine: (lines.at(-1) ?? error?.message ?? 'it said nothing').slice(0, 300) })
    })
  })

/** The executable of that name on PATH, or undefined. */
export const onPath = (name: string): string | undefined => {
  for (const folder of (process.env['PATH'] ?? '').split(delimiter)) {
    if (folder === '') continue
    const path = join(folder, name)
    try {
      accessSync(path, constants.X_OK)
      return path
    } catch {
      // Not in this folder.
    }
  }
  return undefined
}
