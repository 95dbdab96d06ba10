/** Which back end makes the links, and why: the reason is printed in every report. */
import { MachineError, UsageError } from '../lab/errors.js'
import type { FaultAction, PathSpec } from '../scenario/types.js'
import type { ShaperKind } from './backend.js'
import { probeTrafficControl, type TrafficControl } from './choose-probe.js'
import { netemCannot } from './netem-commands.js'
import { vethCannot } from './veth.js'

export type ShaperChoice = 'auto' | ShaperKind

export interface ChosenShaper {
  kind: ShaperKind
  /** A clause for the report. */
  reason: string
}

/**
 * `auto`: none where every path is a plain wire and stays one, else netem where the kernel has it and it can do every path,
 * else our own emulator.
 *
 * @param faults that will be applied
 */
export async function chooseShaper(
  choice: ShaperChoice,
  paths: readonly PathSpec[],
  probe: () => Promise<TrafficControl> = probeTrafficControl,
  faults: readonly FaultAction[] = [],
): Promise<ChosenShaper> {
  const shaped = paths.map(vethCannot).find((refusal) => refusal !== null) ?? changed(faults)
  if (choice === 'none') {
    if (shaped !== null) throw new UsageError(`--shaper none: ${shaped}; use --shaper user`)
    return { kind: 'none', reason: 'asked for with --shaper none' }
  }
  if (choice === 'auto' && paths.length > 0 && shaped === null) {
    return { kind: 'none', reason: 'every path is a plain wire' }
  }
  if (choice === 'user') return { kind: 'user', reason: 'asked for with --shaper user' }
  const control = await probe()
  const absent = absence(control)
  const refusal = absent ? null : firstRefusal(paths, control)
  if (choice === 'netem') {
    if (absent) {
      throw new MachineError(
        `--shaper netem: ${absent.reason} (${absent.said}). ${absent.remedy}, or use --shaper user`,
      )
    }
    if (refusal !== null) throw new UsageError(`--shaper netem: ${refusal}; use --shaper user`)
    return { kind: 'netem', reason: 'asked for with --shaper netem' }
  }
  if (absent) return { kind: 'user', reason: absent.reason }
  if (refusal !== null) return { kind: 'user', reason: refusal }
  return { kind: 'netem', reason: 'this kernel has netem, and it can do every path of this scenario' }
}

/** These are done by the devices and the hosts; all others are changes of the link itself. */
const DONE_BY_DEVICES: readonly string[] = ['down', 'up', 'carrier', 'rebind', 'readdress', 'restart']

function changed(faults: readonly FaultAction[]): string | null {
  const one = faults.find(({ verb }) => !DONE_BY_DEVICES.includes(verb))
  return one === undefined ? null : `the fault "${one.verb}" changes a link, and a plain wire cannot be changed`
}

/** What each part is called, and the program that is asked for it. */
const NEEDED = {
  netem: { module: 'sch_netem', program: 'tc', package: 'iproute2' },
  tbf: { module: 'sch_tbf', program: 'tc', package: 'iproute2' },
  gates: { module: 'nf_tables for devices (CONFIG_NF_TABLES_NETDEV)', program: 'nft', package: 'nftables' },
} as const

interface Absence {
  reason: string
  said: string
  remedy: string
}

function absence(control: TrafficControl): Absence | null {
  for (const name of ['netem', 'tbf', 'gates'] as const) {
    const said = control[name]
    if (said === null) continue
    const { module, program, package: from } = NEEDED[name]
    // Not `No such file or directory` alone: older kernels say that of an unknown qdisc.
    if (/failed to execute|spawn .*ENOENT/.test(said)) {
      return { reason: `there is no ${program} program`, said, remedy: `Install it (apt install ${from})` }
    }
    if (/not permitted/i.test(said)) {
      return { reason: 'traffic control cannot be tried without root', said, remedy: 'Run it with sudo' }
    }
    const load =
      name === 'gates' ? 'Boot a kernel that has it' : `Load the module (modprobe ${module}; ${WHERE_MODULES_ARE})`
    return { reason: `this kernel has no ${module}`, said, remedy: load }
  }
  return null
}

const WHERE_MODULES_ARE =
  'Ubuntu: apt install linux-modules-extra-$(uname -r), Fedora: dnf install kernel-modules-extra'

function firstRefusal(paths: readonly PathSpec[], control: TrafficControl): string | null {
  for (const path of paths) {
    const refusal = netemCannot(path, { codel: control.codel === null })
    if (refusal !== null) return refusal
  }
  return null
}
