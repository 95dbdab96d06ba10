/**
 * Any other VPN, by the command lines of the scenario. The server's side is started first, and the client's when the
 * server's `ready` holds.
 *
 * What runs is found by more than its pid, so a program may put itself into the background; but CPU time is counted
 * for the process that was started (and the children it has waited for), so one in the foreground is measured better.
 */
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { runChecked, type Host } from '../lab/host.js'
import type { HostProcess } from '../lab/process.js'
import type { CommandSpecOptions } from '../scenario/subject.js'
import type { ReadyWhen } from '../scenario/subject-input.js'
import type { SubjectSpec } from '../scenario/types.js'
import { argvOf, fill, placeholderValues, programOf, type Values } from './command-line.js'
import { endMarked, markEnvironment } from './marked.js'
import { until, type Readiness } from './ready.js'
import type { RunningSubject, SubjectAdapter, SubjectContext, Unsupported } from './subject.js'
import { TwoSided, type Side } from './two-sided.js'
import { which, type Requirement } from './which.js'

export const requirements: readonly Requirement[] = []

/** A `ready` or `stop` line that hangs must not hang the run. */
const LINE_LIMIT_MS = 10_000

export const command: SubjectAdapter = {
  kind: 'command',
  version: async (spec) => {
    const { version } = optionsOf(spec)
    if (version === null) return null
    const { stdout, stderr } = await runChecked('this host', ['sh', '-c', version], { check: false })
    return (stdout || stderr).split('\n')[0]?.trim() || null
  },
  supports: (spec) => Promise.resolve(missingProgram(spec)),
  cannot: (spec, measurement) =>
    measurement.load?.kind === 'udp' && !optionsOf(spec).udp ? `${spec.label} carries no UDP` : null,
  start: startCommand,
}

function missingProgram(spec: SubjectSpec): Unsupported | null {
  const { client, server } = optionsOf(spec)
  for (const { start } of [server, client]) {
    const program = programOf(start)
    if (program === null || which(program) !== null) continue
    return {
      status: 'missing',
      reason: `${program} is not installed, or not executable`,
      remedy: `install ${program}, or write its full path in the scenario`,
    }
  }
  return null
}

async function startCommand({ lab, spec, workDir }: SubjectContext): Promise<RunningSubject> {
  const options = optionsOf(spec)
  const values = (): Values => placeholderValues(lab, workDir)
  const ready: Record<Side, Condition> = { client: () => true, server: () => true }
  const mark = (side: Side): string => `${lab.id}/${spec.id}/${side}`

  return TwoSided.start({
    lab,
    id: spec.id,
    mayDaemonize: true,
    endpoint: {
      serverAddress: fill(options.target, values(), spec.id),
      clientAddress: null,
      clientDevice: options.device === null ? null : fill(options.device, values(), spec.id),
      probeProtocol: options.udp ? 'udp' : 'tcp',
      wrap: [],
    },
    startSide: async (side) => {
      const { start, ready: when, env } = options[side]
      const [program, ...args] = argvOf(start, values(), spec.id)
      const process = lab[side].spawn(program, args, {
        name: programOf(start) ?? spec.id,
        role: 'subject',
        logFile: join(workDir, `${side}.log`),
        env: { ...env, ...markEnvironment(mark(side)) },
      })
      ready[side] = condition(when, lab[side], process, (text) => fill(text, values(), spec.id))
      if (side === 'client') return process
      try {
        const signal = new AbortController().signal
        await until(ready.server, { subject: spec.id, processes: [process], signal, mayDaemonize: true })
        return process
      } catch (error) {
        await endMarked(lab[side].netns, mark(side))
        throw error
      }
    },
    stopSide: async (side, process) => {
      // Times of the process are gone with it.
      process.cpuSeconds()
      const { stop } = options[side]
      if (stop !== undefined) {
        const [program, ...args] = argvOf(stop, values(), spec.id)
        await runFor(lab[side], [program, ...args], join(workDir, `${side}.log`))
      }
      // First those in the background: while they hold its output open, the process that started them does not count as ended.
      await endMarked(lab[side].netns, mark(side))
      await process.stop()
    },
    ready: async (readiness: Readiness) => {
      for (const side of ['server', 'client'] as const) await until(ready[side], readiness)
    },
  })
}

type Condition = () => Promise<boolean> | boolean

function condition(when: ReadyWhen, host: Host, process: HostProcess, filled: (text: string) => string): Condition {
  if (typeof when === 'string') {
    return async () => (await runFor(host, ['sh', '-c', filled(when)])) === 0
  }
  if ('device' in when) {
    return async () => {
      const shown = await host.run('ip', ['-j', 'link', 'show', 'dev', filled(when.device), 'up'], { check: false })
      return shown.exitCode === 0 && shown.stdout.includes('ifname')
    }
  }
  const pattern = new RegExp(when.output)
  let written = process
    .tail()
    .split('\n')
    .some((line) => pattern.test(line))
  process.onLine((line) => {
    written ||= pattern.test(line)
  })
  return () => written
}

/** Exit code, or null when it did not end in time and was ended. */
async function runFor(host: Host, argv: [string, ...string[]], logFile: string | null = null): Promise<number | null> {
  const [program, ...args] = argv
  const process = host.spawn(program, args, { role: 'lab', logFile })
  const timer = new AbortController()
  const late = sleep(LINE_LIMIT_MS, true, { signal: timer.signal }).catch(() => false)
  const ended = await Promise.race([process.exited, late])
  timer.abort()
  if (typeof ended === 'object') return ended.code
  await process.stop(0)
  return null
}

/** Validated by the scenario's schema. */
function optionsOf(spec: SubjectSpec): CommandSpecOptions {
  return spec.options as unknown as CommandSpecOptions
}
