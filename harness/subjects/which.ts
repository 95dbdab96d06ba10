/** Finds programs the way a shell would, without one. */
import { accessSync, constants, statSync } from 'node:fs'
import { delimiter, isAbsolute, join } from 'node:path'

/** A program that a subject needs, and the Debian package that brings it. */
export interface Requirement {
  program: string
  package: string
}

/** Root's programs may live where an ordinary user's PATH does not look (`sudo -E`, cron). */
const SBIN = ['/usr/local/sbin', '/usr/sbin', '/sbin']

/** Absolute path of a program, or null when it is not installed. */
export function which(program: string, path: string = process.env['PATH'] ?? ''): string | null {
  if (isAbsolute(program)) return isExecutable(program) ? program : null
  for (const directory of [...path.split(delimiter).filter(Boolean), ...SBIN]) {
    const candidate = join(directory, program)
    if (isExecutable(candidate)) return candidate
  }
  return null
}

/** Those that are not installed. */
export function missingPrograms(requirements: readonly Requirement[]): Requirement[] {
  return requirements.filter(({ program }) => which(program) === null)
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK)
    return statSync(file).isFile()
  } catch {
    return false
  }
}
