/** What commands print. */

export type Cell = string | number | boolean | bigint | null | undefined
export type Row = Readonly<Record<string, Cell>>
export type Write = (text: string) => unknown

const toStdout: Write = (text) => process.stdout.write(text)

/** Prints one JSON document, indented. bigint is printed as a decimal string. */
export function printJson (value: unknown, write: Write = toStdout): void {
  write(`${JSON.stringify(value, (_key, item: unknown) => typeof item === 'bigint' ? String(item) : item, 2)}\n`)
}

/**
 * Prints rows under upper-case headings, columns padded to their widest cell.
 * @param columns which fields, in which order; default: those of the first row.
 */
export function printTable (rows: readonly Row[], columns: readonly string[] = Object.keys(rows[0] ?? {}), write: Write = toStdout): void {
  const lines = [columns.map((column) => column.toUpperCase()), ...rows.map((row) => columns.map((column) => textOf(row[column])))]
  const widths = columns.map((_column, i) => Math.max(...lines.map((line) => line[i]?.length ?? 0)))
  for (const line of lines) write(`${line.map((cell, i) => cell.padEnd(widths[i] ?? 0)).join('  ').trimEnd()}\n`)
}

/** A cell stays on its line, and cannot steer the terminal. */
const textOf = (cell: Cell): string => cell === null || cell === undefined ? '-' : String(cell).replace(/[\p{Cc}\p{Cf}]+/gu, ' ')
