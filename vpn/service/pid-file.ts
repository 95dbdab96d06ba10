/** `/run/mqvpn/NAME.pid`: which process `mqvpn up` has started, for `mqvpn down`. */
import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { z } from 'zod'
import { codeOf, messageOf, MachineError, VpnError } from '../errors.js'
import { startTimeOf } from './process.js'

const content = z.strictObject({ pid: z.int().min(1), startTime: z.string(), control: z.string() })
export type Started = z.infer<typeof content>

/** The process that is named there, if it still runs; what else the file may hold is of no use. */
export function readPidFile(file: string): Started | null {
  try {
    const found = content.parse(JSON.parse(readFileSync(file, 'utf8')))
    return startTimeOf(found.pid) === found.startTime ? found : null
  } catch {
    return null
  }
}

/** @throws VpnError when it cannot be written */
export function writePidFile(file: string, pid: number, control: string): void {
  const started: Started = { pid, startTime: startTimeOf(pid) ?? '', control }
  const fresh = `${file}.${process.pid}.new`
  try {
    mkdirSync(dirname(file), { recursive: true, mode: 0o755 })
    writeFileSync(fresh, `${JSON.stringify(started)}\n`, { mode: 0o600 })
    renameSync(fresh, file)
  } catch (error) {
    remove(fresh)
    throw cannotWrite(file, error)
  }
}

/** Not when another `mqvpn up` has put its own there. */
export function removePidFile(file: string, pid: number): void {
  const found = readPidFile(file)
  if (found === null || found.pid === pid) remove(file)
}

/** One that stays does no harm: it names a process that is gone. */
function remove(file: string): void {
  try {
    rmSync(file, { force: true })
  } catch {
    // Its folder is gone, or is none.
  }
}

export function cannotWrite(file: string, error: unknown): VpnError {
  const denied = ['EACCES', 'EPERM', 'EROFS'].includes(codeOf(error) ?? '')
  return denied
    ? new MachineError(`${file}: ${messageOf(error)}; run it with sudo`)
    : new VpnError(`${file}: ${messageOf(error)}`)
}
