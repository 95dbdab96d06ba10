/** Key logs and qlog: what a developer asks for, and a user should know to be on. */
import { mkdirSync } from 'node:fs'
import { messageOf, UsageError } from './errors.js'
import type { Log } from './log.js'

export function prepareTraces(
  { keyLog, qlog }: { keyLog?: string | undefined; qlog?: string | undefined },
  log: Pick<Log, 'warn'>,
): void {
  if (keyLog !== undefined) {
    log.warn(`the secrets of every connection are written to ${keyLog}: whoever has that file can read the traffic`)
  }
  if (qlog === undefined) return
  try {
    mkdirSync(qlog, { recursive: true })
  } catch (error) {
    throw new UsageError(`--qlog ${qlog}: ${messageOf(error)}`)
  }
}
