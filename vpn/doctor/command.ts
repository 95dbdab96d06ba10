/** `mqvpn doctor`: what on this machine is in the way of a VPN, and what to do about it. */
import { createColors } from 'picocolors'
import { clean } from '../clean.js'
import { EXIT, type ExitCode } from '../exit-codes.js'
import { examine, type Subject } from './examine.js'
import type { Finding, Level } from './finding.js'
import type { Machine } from './machine.js'

export interface DoctorScreen {
  write: (text: string) => void
  colour: boolean
}

/** 1: something fails. What only warns is no failure. */
export async function doctorCommand(
  machine: Machine,
  subject: Subject,
  json: boolean,
  { write, colour }: DoctorScreen,
): Promise<ExitCode> {
  const findings = await examine(machine, subject)
  const fine = findings.every(({ level }) => level !== 'fail')
  write(json ? `${JSON.stringify({ ok: fine, findings }, null, 2)}\n` : renderFindings(findings, colour))
  return fine ? EXIT.ok : EXIT.failed
}

export function renderFindings(findings: readonly Finding[], colour: boolean): string {
  const pc = createColors(colour)
  const paint: Record<Level, (text: string) => string> = { ok: pc.green, warn: pc.yellow, fail: pc.red }
  const width = Math.max(...findings.map(({ check }) => check.length))
  const lines = findings.flatMap(({ check, level, says, todo }) => [
    `${paint[level](level.padEnd(4))}  ${check.padEnd(width)}  ${clean(says)}`,
    ...(todo === undefined ? [] : [`${' '.repeat(width + 8)}→ ${clean(todo)}`]),
  ])
  const count = (level: Level): number => findings.filter((one) => one.level === level).length
  const [fails, warns] = [count('fail'), count('warn')]
  lines.push('', fails + warns === 0 ? 'all is well' : `${fails} that fail, ${warns} to know about`)
  return `${lines.join('\n')}\n`
}
