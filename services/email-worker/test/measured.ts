import { readFile } from 'node:fs/promises'
import type { startBrowser } from '@countersign/testing'

export type Page = Awaited<ReturnType<Awaited<ReturnType<typeof startBrowser>>['newPage']>>

/** What a browser made of a page, in numbers. */
export interface Measured {
  readonly scrollWidth: number
  /** `#rrggbb` of the body. */
  readonly background: string
  readonly text: string
  readonly texts: readonly { readonly words: string, readonly fontSize: number, readonly contrast: number }[]
  /** Words that stick out of the window. */
  readonly beyond: readonly string[]
  readonly targets: readonly { readonly words: string, readonly width: number, readonly height: number }[]
  readonly code: { readonly text: string, readonly lines: number, readonly visible: boolean } | undefined
  readonly images: readonly { readonly complete: boolean, readonly width: number }[]
  /** Elements that no mail of ours has. */
  readonly foreign: readonly string[]
}

const script = (name: string): Promise<string> => readFile(new URL(`../../test/in-page/${name}.js`, import.meta.url), 'utf8')
const [measurePage, inkOf] = await Promise.all([script('measure-page'), script('share-of-ink')])

export const measured = (page: Page): Promise<Measured> => page.evaluate<Measured>(measurePage)

/** The share of a PNG's points that differ from its first one. The page's own canvas decodes it. */
export const shareOfInk = (page: Page, png: Buffer): Promise<number> => page.evaluate<number>(`${inkOf}\nshareOfInk('${png.toString('base64')}')`)
