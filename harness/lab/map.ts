/** The addresses of a live lab, for a person. */
import { INTERNET, SERVER4, SERVER6 } from './addressing.js'
import type { Lab } from './lab.js'

/** A few aligned lines: namespaces, then one line per path. */
export function labMap(lab: Lab): string {
  const rows = [
    ['host', 'namespace', 'addresses'],
    ...lab.hosts.map((host) => [
      host.name,
      host.netns,
      host === lab.server ? `${SERVER4}, ${SERVER6}` : host === lab.internet ? INTERNET.internet4 : '(one per path)',
    ]),
    ['', '', ''],
    ['path', 'client', 'server'],
    ...[...lab.paths.values()].map((path) => [
      path.name,
      `${path.client4}, ${path.client6}`,
      `${path.addresses.server4}, ${path.addresses.server6}`,
    ]),
  ]
  const widths = [0, 1].map((column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)))
  return rows
    .map((row) =>
      row
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .join('\n')
}
