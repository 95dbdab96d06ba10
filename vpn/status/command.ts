/** `mqvpn status`: asks a running client or server, and shows what it says. */
import { setTimeout as sleep } from 'node:timers/promises'
import { findControl } from '../control/paths.js'
import { request } from '../control/request.js'
import { VpnError } from '../errors.js'
import { EXIT, type ExitCode } from '../exit-codes.js'
import { renderStatus, type Status } from './render.js'

export interface StatusOptions {
  name?: string
  control?: string
  json?: boolean
  watch?: boolean
}

export interface Screen {
  write: (text: string) => void
  isTTY: boolean
  colour: boolean
}

const REFRESH_MS = 1000
/** Erase the screen and go to its upper left corner (ECMA-48). */
const CLEAR = '\u001b[2J\u001b[H'

/** @param signal ends `--watch` */
export async function statusCommand(options: StatusOptions, screen: Screen, signal: AbortSignal): Promise<ExitCode> {
  const path = options.control ?? findControl(options.name ?? null)
  for (;;) {
    const status = await fetchStatus(path)
    const compact = options.watch === true
    const text = options.json ? JSON.stringify(status, null, compact ? 0 : 2) : renderStatus(status, screen.colour)
    const clear = compact && !options.json && screen.isTTY ? CLEAR : ''
    screen.write(`${clear}${text}\n${compact && !options.json && !screen.isTTY ? '\n' : ''}`)
    if (!options.watch) return EXIT.ok
    await sleep(REFRESH_MS, undefined, { signal }).catch(() => undefined)
    if (signal.aborted) return EXIT.ok
  }
}

async function fetchStatus(path: string): Promise<Status> {
  const reply = await request(path, { cmd: 'status' })
  if (!reply.ok) throw new VpnError(`${path}: ${reply.error ?? 'refused without a reason'}`)
  return reply['status'] as Status
}
