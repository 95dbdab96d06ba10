/** Numbers as people read them. */

const UNITS = ['', 'k', 'M', 'G', 'T', 'P'] as const

/** `1.23 MB`; decimal, as links are sold. */
export function bytes(count: number): string {
  return `${scaled(count)}B`
}

export function bitsPerSecond(rate: number): string {
  return `${scaled(rate)}bit/s`
}

function scaled(value: number): string {
  let index = 0
  let rest = value
  // 999.5 would be shown as 1000.
  while (rest >= 999.5 && index < UNITS.length - 1) {
    rest /= 1000
    index += 1
  }
  const digits = index === 0 || rest >= 100 ? 0 : rest >= 9.995 ? 1 : 2
  return `${rest.toFixed(digits)} ${UNITS[index]!}`
}

/** `3 s`, `4 m 5 s`, `2 h 3 m`, `5 d 6 h`. */
export function duration(seconds: number): string {
  const s = Math.floor(seconds)
  if (s < 60) return `${s} s`
  if (s < 3600) return `${Math.floor(s / 60)} m ${s % 60} s`
  if (s < 86_400) return `${Math.floor(s / 3600)} h ${Math.floor((s % 3600) / 60)} m`
  return `${Math.floor(s / 86_400)} d ${Math.floor((s % 86_400) / 3600)} h`
}

export function milliseconds(value: number): string {
  return `${value.toFixed(value < 10 ? 2 : 1)} ms`
}

/** `0.12 %`, or nothing lost: `0`. */
export function share(part: number, whole: number): string {
  return part === 0 || whole === 0 ? `${part}` : `${part} (${((100 * part) / whole).toFixed(2)} %)`
}

/** Columns aligned, two blanks between them; numbers to the right. */
export function table(
  head: readonly string[],
  rows: readonly (readonly string[])[],
  right: readonly number[] = [],
): string[] {
  const all = [head, ...rows]
  const widths = head.map((_, column) => Math.max(...all.map((row) => row[column]?.length ?? 0)))
  return all.map((row) =>
    widths
      .map((width, column) => {
        const cell = row[column] ?? ''
        return right.includes(column) ? cell.padStart(width) : cell.padEnd(width)
      })
      .join('  ')
      .trimEnd(),
  )
}
