/** A name as part of a file name or an HTML id: ASCII letters, digits and dashes, at most 40. */
export function slug(name: string): string {
  const plain = name
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-+|-+$/g, '')
    .slice(0, 40)
  return plain === '' ? 'x' : plain
}
