/**
 * Turns colour names into colours. Stands alone: its source is also written into the HTML report, so it must use nothing
 * from outside itself.
 */
import type { Theme } from './palette.js'

/** A deep copy in which `@text`, `@s2`, `@s2/35` (35 % opaque) are colours of the theme. */
export function paint<T>(value: T, theme: Theme): T {
  const colour = (name: string): string => {
    const match = /^@([a-z]+)(\d*)(?:\/(\d+))?$/.exec(name)
    if (match === null) return name
    const [, key = '', place = '', percent] = match
    const entry = (theme as unknown as Record<string, string | readonly string[]>)[key]
    const found = Array.isArray(entry) ? (entry as readonly string[])[Number(place) % entry.length] : entry
    if (typeof found !== 'string') return name
    if (percent === undefined) return found
    return (
      found +
      Math.round(Number(percent) * 2.55)
        .toString(16)
        .padStart(2, '0')
    )
  }
  const visit = (inner: unknown, key: string): unknown => {
    // Labels and texts come from scenario files; a path may be called "@text".
    if (typeof inner === 'string') return /colou?r$/i.test(key) ? colour(inner) : inner
    if (Array.isArray(inner)) return inner.map((item) => visit(item, key))
    if (inner === null || typeof inner !== 'object') return inner
    return Object.fromEntries(Object.entries(inner).map(([name, item]) => [name, visit(item, name)]))
  }
  return visit(value, '') as T
}
