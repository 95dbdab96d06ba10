/** What the kernel's traffic control can do, found out by trying on the `lo` of a namespace that is gone afterwards. */
import { runChecked, type RunResult } from '../lab/host.js'

export type Run = (argv: readonly string[]) => Promise<RunResult>

/** null: it works; else what `tc` said. */
export interface TrafficControl {
  netem: string | null
  tbf: string | null
  codel: string | null
  /** nftables on the ingress of a device: what drops under a black hole or a silent MTU. */
  gates: string | null
}

const QDISC = ['tc', 'qdisc', 'add', 'dev', 'lo', 'root']
const ATTEMPTS: Record<keyof TrafficControl, string[]> = {
  netem: [...QDISC, 'netem', 'delay', '1ms', '1ms', 'distribution', 'normal'],
  tbf: [...QDISC, 'tbf', 'rate', '1mbit', 'burst', '5000', 'limit', '10000'],
  codel: [...QDISC, 'codel'],
  gates: [
    'nft',
    'add table netdev probe; add chain netdev probe gate { type filter hook ingress device "lo" priority 0; }',
  ],
}

export async function probeTrafficControl(run: Run = tolerant): Promise<TrafficControl> {
  const attempt = async (name: keyof TrafficControl): Promise<string | null> => {
    // `unshare --net` leaves nothing behind, however this process ends.
    const { exitCode, stderr } = await run(['unshare', '--net', ...ATTEMPTS[name]])
    return exitCode === 0 ? null : stderr.trim().replaceAll(/\s*\n\s*/g, ' ') || `it ended with ${exitCode}`
  }
  const names = ['netem', 'tbf', 'codel', 'gates'] as const
  const [netem, tbf, codel, gates] = await Promise.all(names.map(attempt))
  return { netem: netem ?? null, tbf: tbf ?? null, codel: codel ?? null, gates: gates ?? null }
}

function tolerant(argv: readonly string[]): Promise<RunResult> {
  return runChecked('this host', argv, { check: false })
}
