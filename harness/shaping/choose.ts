/** Which shaper is used, and why: a sentence that every report prints. */
import { execa } from 'execa'
import { MachineError, UsageError } from '../lab/errors.js'
import type { PathSpec } from '../scenario/types.js'
import type { ShaperKind } from './backend.js'

export type ShaperChoice = 'auto' | ShaperKind

export interface NetemProbe {
  ok: boolean
  /** Why not; empty when ok. */
  reason: string
}

/** Tries netem on the loopback device of a network namespace that ends with the command. */
export async function probeNetem(): Promise<NetemProbe> {
  const result = await execa('unshare', ['--net', 'tc', 'qdisc', 'add', 'dev', 'lo', 'root', 'netem', 'delay', '1ms'], {
    reject: false,
    stdin: 'ignore',
  })
  if (result.exitCode === 0) return { ok: true, reason: '' }
  const said =
    String(result.stderr ?? '')
      .trim()
      .split('\n')[0] ?? ''
  return {
    ok: false,
    reason: /kind is unknown|No such file/i.test(said)
      ? 'this kernel has no sch_netem'
      : `netem cannot be used: ${said}`,
  }
}

/** @throws MachineError when netem is asked for and not there; UsageError when it cannot do what a path wants */
export async function chooseShaper(
  choice: ShaperChoice,
  paths: readonly PathSpec[],
  probe: () => Promise<NetemProbe> = probeNetem,
): Promise<{ kind: ShaperKind; reason: string }> {
  if (choice === 'user') return { kind: 'user', reason: 'chosen with --shaper user' }
  const traced = paths.find((path) => path.up.trace !== null || path.down.trace !== null)
  const netem = await probe()
  if (choice === 'netem') {
    if (!netem.ok) {
      throw new MachineError(
        `--shaper netem: ${netem.reason}; load the module (modprobe sch_netem) or use --shaper user`,
      )
    }
    if (traced)
      throw new UsageError(`--shaper netem: paths.${traced.name}.trace needs --shaper user: netem replays no traces`)
    return { kind: 'netem', reason: 'chosen with --shaper netem' }
  }
  if (!netem.ok) return { kind: 'user', reason: netem.reason }
  if (traced) return { kind: 'user', reason: `path ${traced.name} replays a trace, which netem cannot` }
  return { kind: 'netem', reason: 'this kernel has netem' }
}
