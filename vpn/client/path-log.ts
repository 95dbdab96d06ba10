/** What a person reads when a link changes: what happened, why, and what that means for the traffic. */
import type { LogLevel } from '../log.js'

export interface PathChange {
  /** Which of the configured links. */
  path: number
  device?: string | null | undefined
  state: string
  cause?: string | null | undefined
}

export interface PathLine {
  level: LogLevel
  message: string
}

/** A link that flaps must not fill the log: so many lines per link and time. */
const MOST_LINES = 6
const WINDOW_MS = 10_000

export class PathLog {
  readonly #states = new Map<number, { name: string; state: string }>()
  readonly #windows = new Map<number, { since: number; lines: number; hidden: number }>()

  /** Another connection begins: what is known of its links is not that of the last one. */
  restart(): void {
    this.#states.clear()
  }

  /** @param now ms, of any clock that goes on. Null: nothing to say. */
  line(change: PathChange, now: number): PathLine | null {
    const { path, state } = change
    const name = change.device == null ? 'the network' : `path ${change.device}`
    this.#states.set(path, { name, state })
    const line = this.#describe(name, change)
    if (line.level === 'debug') return line
    let window = this.#windows.get(path)
    if (window === undefined || now - window.since >= WINDOW_MS) {
      const hidden = window?.hidden ?? 0
      window = { since: now, lines: 0, hidden: 0 }
      this.#windows.set(path, window)
      if (hidden > 0) line.message += ` (${hidden} changes before are not shown)`
    }
    if (++window.lines <= MOST_LINES) return line
    ++window.hidden
    return null
  }

  #describe(name: string, { path, state, cause }: PathChange): PathLine {
    const why = cause ? `: ${cause}` : ''
    switch (state) {
      case 'active':
        return { level: 'info', message: `${name} is active${why}` }
      case 'standby':
        return { level: 'info', message: `${name} stands by${why}` }
      case 'down':
      case 'silent':
        return { level: 'warn', message: `${name} is ${state}${why}; ${this.#others(path)}` }
      case 'waiting':
        return cause
          ? { level: 'warn', message: `${name} does not work${why}; ${this.#others(path)}` }
          : { level: 'debug', message: `${name} is up` }
      default:
        return { level: 'debug', message: `${name}: ${state}${why}` }
    }
  }

  #others(path: number): string {
    const working = [...this.#states]
      .filter(([other, { state }]) => other !== path && (state === 'active' || state === 'standby'))
      .map(([, { name }]) => name.replace(/^path /, ''))
    return working.length > 0 ? `traffic goes over ${working.join(', ')}` : 'no other path works'
  }
}
