/**
 * The log: one line per event, on standard error.
 *
 *     2026-03-01T10:00:00.000Z info  client connected id=1 user=anna remote=203.0.113.7:51000
 *
 * or, with `--log-format json`, one object per line. What a person or a script waits for (`connected: …`) goes to
 * standard output instead, at every level: `announce`.
 */
import { createColors } from 'picocolors'
import { clean } from './clean.js'

export const LOG_LEVELS = ['debug', 'info', 'warn', 'error'] as const
export type LogLevel = (typeof LOG_LEVELS)[number]
export type LogFormat = 'text' | 'json'
export type Fields = Readonly<Record<string, unknown>>

export interface Log {
  debug(message: string, fields?: Fields): void
  info(message: string, fields?: Fields): void
  warn(message: string, fields?: Fields): void
  error(message: string, fields?: Fields): void
  /** For standard output: `event` names it in JSON, `text` is the line for a person. */
  announce(event: string, text: string, fields: Fields): void
}

export interface LogOptions {
  level: LogLevel
  format: LogFormat
  /** Colours in the text format; only for a terminal. */
  colour: boolean
  now: () => Date
  err: (text: string) => void
  out: (text: string) => void
}

export function createLog({ level, format, colour, now, err, out }: LogOptions): Log {
  const pc = createColors(colour)
  const paint: Record<LogLevel, (text: string) => string> = {
    debug: pc.dim,
    info: pc.green,
    warn: pc.yellow,
    error: pc.red,
  }
  const least = LOG_LEVELS.indexOf(level)

  const write = (of: LogLevel, message: string, fields: Fields = {}): void => {
    if (LOG_LEVELS.indexOf(of) < least) return
    const time = now().toISOString()
    if (format === 'json') {
      // What the line is about must not be replaced by a field of the same name.
      err(`${JSON.stringify({ ...fields, time, level: of, message })}\n`)
      return
    }
    const words = [pc.dim(time), paint[of](of.padEnd(5)), clean(message), ...pairs(fields).map((pair) => pc.dim(pair))]
    err(`${words.join(' ')}\n`)
  }

  return {
    debug: (message, fields) => write('debug', message, fields),
    info: (message, fields) => write('info', message, fields),
    warn: (message, fields) => write('warn', message, fields),
    error: (message, fields) => write('error', message, fields),
    announce: (event, text, fields) => {
      const line = format === 'json' ? JSON.stringify({ ...fields, time: now().toISOString(), event }) : clean(text)
      out(`${line}\n`)
    },
  }
}

/** `key=value`; values with blanks, quotes or control characters as JSON, so that a line can be taken apart again. */
function pairs(fields: Fields): string[] {
  return Object.entries(fields)
    .filter(([, value]) => value !== undefined && value !== null)
    .map(([key, value]) => `${key}=${plain(value)}`)
}

function plain(value: unknown): string {
  if (typeof value === 'number' || typeof value === 'boolean') return `${value}`
  if (Array.isArray(value) && value.every((entry) => typeof entry === 'string' && /^[^\s",]+$/.test(entry))) {
    return clean(value.join(','))
  }
  const text = typeof value === 'string' ? value : JSON.stringify(value)
  return clean(typeof value === 'string' && /^[^\s"=\u0000-\u001f\u007f]+$/.test(value) ? text : JSON.stringify(value))
}
