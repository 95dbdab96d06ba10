/** `mqvpn down [NAME]`: ends a client that runs in the background, and waits until it is gone. */
import { codeOf, MachineError, messageOf, UsageError, VpnError } from '../errors.js'
import { EXIT, type ExitCode } from '../exit-codes.js'
import { STOP_LIMIT_MS } from './background.js'
import { controlOf } from './control-of.js'
import { statusAt } from './peer.js'
import { readPidFile, removePidFile } from './pid-file.js'
import { argumentsOf, isGone, startTimeOf } from './process.js'
import type { Systemd } from './systemd.js'
import { targetOf, type Places, type Target } from './target.js'

export interface DownDeps {
  places: Places
  systemd: Systemd | null
  env: NodeJS.ProcessEnv
  say: (line: string) => void
  stopLimitMs?: number
}

/** What was not there is down as well. @throws VpnError when it does not end */
export async function down(name: string, deps: DownDeps): Promise<ExitCode> {
  const { places, systemd, say, stopLimitMs = STOP_LIMIT_MS } = deps
  const target = targetOf(name, places)
  const { unit, pidFile } = target
  if (systemd !== null && unit !== null && isUp(await systemd.state(unit))) {
    const failure = await systemd.stop(unit)
    if (failure !== null) throw new VpnError(failure)
    say(`${target.name} is down`)
    return EXIT.ok
  }
  const pid = readPidFile(pidFile)?.pid ?? (await findByControl(target, deps))
  if (pid === null) {
    say(`${target.name} is not running`)
    return EXIT.ok
  }
  await end(pid, target, stopLimitMs)
  removePidFile(pidFile, pid)
  say(`${target.name} is down`)
  return EXIT.ok
}

function isUp(state: string): boolean {
  return ['active', 'activating', 'reloading', 'deactivating'].includes(state)
}

async function end(pid: number, { name }: Target, limitMs: number): Promise<void> {
  const startTime = startTimeOf(pid)
  try {
    process.kill(pid, 'SIGTERM')
  } catch (error) {
    if (codeOf(error) === 'ESRCH') return
    if (codeOf(error) === 'EPERM') throw new MachineError(`${name} (pid ${pid}) belongs to another user; use sudo`)
    throw new VpnError(messageOf(error))
  }
  if (await isGone(pid, startTime, limitMs)) return
  throw new VpnError(
    `${name} (pid ${pid}) has not ended within ${limitMs / 1000} s; \`kill -KILL ${pid}\` ends it, and \`mqvpn recover\` puts back what it had changed on this host`,
  )
}

/** One that was started in another way, but from the same file. */
async function findByControl({ name, file }: Target, { env, say }: DownDeps): Promise<number | null> {
  const control = controlOf(file, env, say)
  const status = await statusAt(control)
  if (status === null) return null
  if (status.role === 'client' && argumentsOf(status.pid).includes(file)) return status.pid
  throw new UsageError(
    `${name} is not running; the mqvpn with its device (pid ${status.pid}) was not started from ${file}, and has to be ended where it was started, or with \`kill ${status.pid}\``,
  )
}
