/** One line of `mqvpn doctor`. */
export type Level = 'ok' | 'warn' | 'fail'

export interface Finding {
  /** What was looked at: `tun`, `clock`, … */
  check: string
  level: Level
  /** How it is. */
  says: string
  /** What to do about it; with every warn and fail. */
  todo?: string
}

export const ok = (check: string, says: string): Finding => ({ check, level: 'ok', says })
/** Works, or works without it, but perhaps not as somebody wants. */
export const warn = (check: string, says: string, todo: string): Finding => ({ check, level: 'warn', says, todo })
/** mqvpn does not work like this. */
export const fail = (check: string, says: string, todo: string): Finding => ({ check, level: 'fail', says, todo })
