/** One end of an iperf3 test while it runs: collects what it prints, and when. */
import { monotonicMs } from '../faults/schedule.js'
import type { HostProcess } from '../lab/process.js'
import { tile, type IperfInterval } from './iperf-interval.js'
import type { IperfFormat } from './iperf-args.js'
import { parseIperfJson } from './iperf-parse.js'
import { parseIperfError, parseIperfLine, parseIperfTime, type IperfTest } from './iperf-text.js'

export class IperfSide {
  #intervals: IperfInterval[] = []
  #json: string[] = []
  #error: string | null = null
  #beganMs = Infinity
  readonly #endsMs = new Set<number>()

  constructor(
    readonly process: HostProcess,
    readonly format: IperfFormat,
    test: IperfTest,
  ) {
    process.onLine((line, stream) => {
      const nowMs = monotonicMs()
      this.#error ??= parseIperfError(line)
      if (format === 'json') {
        if (stream === 'stdout') this.#json.push(line)
        return
      }
      const endMs = parseIperfTime(line)
      if (endMs === null) return
      // A line comes when its interval has ended, or later when somebody was busy: the earliest is the truth.
      this.#beganMs = Math.min(this.#beganMs, nowMs - endMs)
      this.#endsMs.add(endMs)
      const interval = parseIperfLine(line, test)
      if (interval) this.#intervals.push(interval)
    })
  }

  /** When its test began, CLOCK_MONOTONIC ms; Infinity until its first interval has ended, and always for JSON. */
  get beganMs(): number {
    return this.#beganMs
  }

  /** How many intervals have ended so far. */
  get intervalCount(): number {
    return this.#endsMs.size
  }

  /** One direction's intervals so far, one behind the other. */
  intervals(direction: IperfInterval['direction']): IperfInterval[] {
    const all = this.format === 'json' ? parseIperfJson(this.#json.join('\n')).intervals : this.#intervals
    return tile(all.filter((interval) => interval.direction === direction))
  }

  /** One line, or null. */
  get problem(): string | null {
    if (this.#error !== null) return this.#error
    if (this.format === 'text') return null
    return parseIperfJson(this.#json.join('\n')).problem?.replace(/^iperf3: /, '') ?? null
  }
}
