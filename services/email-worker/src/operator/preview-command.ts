/** `email preview`: every mail as its reader will see it, as files. */
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { readEnvironment, systemClock, type CliCommand, type EnvironmentSource } from '@countersign/runtime'
import { previewEnvironment } from '../config.ts'
import { exampleMails } from '../templates/examples.ts'
import { escapeHtml, logoContentId } from '../templates/html.ts'
import type { Logo } from '../templates/look.ts'
import { readTemplateFolder } from '../templates/read-template-folder.ts'
import { createRenderMail } from '../templates/render-mail.ts'

/** @param env `process.env`, read when the command runs */
export const previewCommand = (env: EnvironmentSource): CliCommand => ({
  name: 'email preview',
  description: 'Write every mail with example data as .html and .txt, and an index.html; send nothing',
  requiredOptions: [['--out <folder>', 'made when it is not there; files of before are replaced']],
  run: async ({ options, print, line }) => {
    const values = readEnvironment(previewEnvironment, env)
    const folder = String(options['out'])
    const render = createRenderMail({ brand: values.PROJECT_NAME, look: await readTemplateFolder(values.MAIL_TEMPLATE_DIR), now: systemClock.now })
    await mkdir(folder, { recursive: true })
    const rows: string[] = []
    for (const [template, content] of Object.entries(exampleMails(systemClock.now()))) {
      const { subject, text, html, logo } = render(content)
      await writeFile(join(folder, `${template}.html`), logo === undefined ? html : withLogo(html, logo))
      await writeFile(join(folder, `${template}.txt`), text)
      rows.push(`<tr><td><a href="${template}.html">${template}</a></td><td><a href="${template}.txt">text</a></td><td>${escapeHtml(subject)}</td></tr>`)
    }
    const index = join(folder, 'index.html')
    await writeFile(index, indexPage(values.PROJECT_NAME, rows))
    print({ index, mails: rows.length }, () => { line(`${rows.length} mails are in ${index}`) })
  }
})

/** A browser finds no parts of mails. */
const withLogo = (html: string, { content, type }: Logo): string => html.replace(`cid:${logoContentId}`, `data:${type};base64,${content.toString('base64')}`)

const indexPage = (brand: string, rows: readonly string[]): string => [
  '<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1"><meta name="color-scheme" content="light dark">',
  `<title>Mails of ${escapeHtml(brand)}</title><style>body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem}td{padding:.3rem 1rem .3rem 0}</style></head>`,
  `<body><h1>Mails of ${escapeHtml(brand)}</h1><table>${rows.join('\n')}</table></body></html>\n`
].join('\n')
