/**
 * Exit 0 when node_modules is what package-lock.json says. npm writes node_modules/.package-lock.json as the last thing
 * of an installation, so one that was interrupted does not count.
 */
import { readFileSync } from 'node:fs'

/** @param {string} file */
function packages(file) {
  /** @type {{ packages: Record<string, { version?: string, optional?: boolean, link?: boolean }> }} */
  const lock = JSON.parse(readFileSync(new URL(`../${file}`, import.meta.url), 'utf8'))
  return lock.packages
}

try {
  const wanted = packages('package-lock.json')
  const installed = packages('node_modules/.package-lock.json')
  const wrong = Object.entries(wanted).filter(([path, { version, optional }]) => {
    if (path === '') return false
    // Optional ones are for other systems as well.
    const found = installed[path]
    return found ? found.version !== version : !optional
  })
  const superfluous = Object.keys(installed).filter((path) => !wanted[path])
  for (const [path] of wrong) console.log(`not as in package-lock.json: ${path}`)
  for (const path of superfluous) console.log(`not in package-lock.json: ${path}`)
  process.exitCode = wrong.length + superfluous.length > 0 ? 1 : 0
} catch {
  process.exitCode = 1
}
