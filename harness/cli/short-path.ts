import { relative } from 'node:path'

/** As a user would type it: relative when it lies below the working directory. */
export function shortPath(path: string): string {
  const short = relative('', path)
  return short === '' ? '.' : short.startsWith('..') ? path : short
}
