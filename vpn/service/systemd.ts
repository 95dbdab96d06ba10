/** What `mqvpn up` and `mqvpn down` need of systemd. */
import { existsSync } from 'node:fs'
import { execa } from 'execa'

/** sd_booted(3) */
const BOOTED = '/run/systemd/system'

export interface Systemd {
  /** Whether the unit is installed. */
  has(unit: string): Promise<boolean>
  /** active, activating, inactive, failed, … */
  state(unit: string): Promise<string>
  /** Waits until it is ready. Null: done; otherwise what systemctl says. */
  start(unit: string): Promise<string | null>
  stop(unit: string): Promise<string | null>
  /** What the program of the unit ended with last. */
  exitCode(unit: string): Promise<number | null>
  /** What it said at last. */
  lastLines(unit: string): Promise<string[]>
}

/** Null: this machine was not booted with it. */
export function systemdOf(booted = BOOTED): Systemd | null {
  return existsSync(booted) ? new Systemctl() : null
}

/** A unit that hangs at its start has its own time-out (TimeoutStartSec); this is for a systemctl that hangs. */
const LIMIT_MS = 120_000

class Systemctl implements Systemd {
  async has(unit: string): Promise<boolean> {
    return (await run('systemctl', 'cat', unit)).exitCode === 0
  }

  async state(unit: string): Promise<string> {
    return (await run('systemctl', 'is-active', unit)).stdout.trim()
  }

  async start(unit: string): Promise<string | null> {
    return failureOf(await run('systemctl', 'start', unit))
  }

  async stop(unit: string): Promise<string | null> {
    return failureOf(await run('systemctl', 'stop', unit))
  }

  async exitCode(unit: string): Promise<number | null> {
    const { stdout } = await run('systemctl', 'show', '--property=ExecMainStatus', '--value', unit)
    return /^\d+$/.test(stdout.trim()) ? Number(stdout.trim()) : null
  }

  async lastLines(unit: string): Promise<string[]> {
    const { stdout } = await run('journalctl', '--unit', unit, '--lines', '10', '--no-pager', '--output', 'cat')
    return stdout.split('\n').filter((line) => line !== '')
  }
}

function failureOf({ exitCode, stderr }: { exitCode?: number | undefined; stderr: string }): string | null {
  return exitCode === 0 ? null : stderr.trim() || `systemctl ended with ${exitCode ?? 'a signal'}`
}

async function run(program: string, ...args: string[]) {
  return execa(program, args, { reject: false, stdin: 'ignore', timeout: LIMIT_MS })
}
