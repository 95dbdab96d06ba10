/** How busy the machine and the programs were while something was measured. */
import { readFileSync } from 'node:fs'
import type { HostProcess, ProcessInfo } from '../lab/process.js'
import type { ProcessUse } from '../results/schema.js'

interface CoreTicks {
  busy: number
  total: number
}

/** Parses the `cpuN` lines of /proc/stat (proc(5)): user nice system idle iowait irq softirq steal … */
export function parseCores(stat: string): CoreTicks[] {
  return stat
    .split('\n')
    .filter((line) => /^cpu\d/.test(line))
    .map((line) => {
      // guest time (fields 9, 10) is already in user and nice.
      const ticks = line.split(/\s+/).slice(1, 9).map(Number)
      const total = ticks.reduce((sum, value) => sum + value, 0)
      const idle = (ticks[3] ?? 0) + (ticks[4] ?? 0)
      return { busy: total - idle, total }
    })
}

/** Share of time not idle of the busiest core between two readings, 0 … 1. */
export function busiest(before: readonly CoreTicks[], after: readonly CoreTicks[]): number {
  const shares = after.map((core, index) => {
    const start = before[index]
    const total = core.total - (start?.total ?? 0)
    return start && total > 0 ? (core.busy - start.busy) / total : 0
  })
  return Math.min(1, Math.max(0, ...shares))
}

export class CoreMeter {
  readonly #before = readCores()

  /** Of the busiest core, since the meter was made. */
  busiestShare(): number {
    return busiest(this.#before, readCores())
  }
}

function readCores(): CoreTicks[] {
  return parseCores(readFileSync('/proc/stat', 'utf8'))
}

interface Metered {
  info: ProcessInfo
  cpuSeconds: () => number
}

/**
 * CPU seconds of a set of programs between `start` and `stop`. It reads every half second as well, because a program
 * that has ended has no /proc entry any more: at most its last half second is missed.
 */
export class ProcessMeter {
  readonly #entries = new Map<Metered, number>()
  readonly #known = new Set<HostProcess>()
  #timer: NodeJS.Timeout | null = null

  /** Counts from now on; a process that is counted already stays as it is. */
  add(process: HostProcess): void {
    if (this.#known.has(process)) return
    this.#known.add(process)
    this.addMetered({ info: process.info, cpuSeconds: () => process.cpuSeconds() })
  }

  addMetered(metered: Metered): void {
    this.#entries.set(metered, metered.cpuSeconds())
    this.#timer ??= setInterval(() => {
      for (const entry of this.#entries.keys()) entry.cpuSeconds()
    }, 500)
  }

  /** One row per program and side; several processes of one program are added up. */
  stop(): ProcessUse[] {
    if (this.#timer) clearInterval(this.#timer)
    this.#timer = null
    const rows = new Map<string, ProcessUse>()
    for (const [{ info, cpuSeconds }, before] of this.#entries) {
      const key = `${info.name} ${info.side} ${info.role}`
      const row = rows.get(key) ?? { process: info.name, side: info.side, role: info.role, cpuSeconds: 0 }
      row.cpuSeconds += Math.max(0, cpuSeconds() - before)
      rows.set(key, row)
    }
    return [...rows.values()]
  }
}
