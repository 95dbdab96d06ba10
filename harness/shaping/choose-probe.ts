/** What the kernel's traffic control can do, found out by trying on the `lo` of a namespace that is gone afterwards. */
import { runChecked, type RunResult } from '../lab/host.js'

export type Run = (argv: readonly string[]) => Promise<RunResult>

/** null: it works; else what `tc` said. */
export interface TrafficControl {
  netem: string | null
  tbf: string | null
  codel: string | null
}

const ATTEMPTS: Record<keyof TrafficControl, string> = {
  netem: 'netem delay 1ms 1ms distribution normal',
  tbf: 'tbf rate 1mbit burst 5000 limit 10000',
  codel: 'codel',
}

export async function probeTrafficControl(run: Run = tolerant): Promise<TrafficControl> {
  const attempt = async (words: string): Promise<string | null> => {
    // `unshare --net` leaves nothing behind, however this process ends.
    const argv = ['unshare', '--net', 'tc', 'qdisc', 'add', 'dev', 'lo', 'root', ...words.split(' ')]
    const { exitCode, stderr } = await run(argv)
    return exitCode === 0 ? null : stderr.trim().replaceAll(/\s*\n\s*/g, ' ') || `tc ended with ${exitCode}`
  }
  const [netem, tbf, codel] = await Promise.all([
    attempt(ATTEMPTS.netem),
    attempt(ATTEMPTS.tbf),
    attempt(ATTEMPTS.codel),
  ])
  return { netem, tbf, codel }
}

function tolerant(argv: readonly string[]): Promise<RunResult> {
  return runChecked('this host', argv, { check: false })
}
