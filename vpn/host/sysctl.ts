/**
 * Kernel settings that a server needs (forwarding), shared by all mqvpn of a network namespace: the first one notes what was
 * there, the last one puts it back, and so no server switches off what another one needs.
 *
 *   /run/mqvpn/sysctl-NETNS.json    who uses what, and the values of before (sysctl-state.ts)
 *
 * A value that somebody else has changed meanwhile is theirs and stays.
 */
import { randomUUID } from 'node:crypto'
import { z } from 'zod'
import { RUN_DIR } from '../control/paths.js'
import { messageOf, VpnError } from '../errors.js'
import type { Log } from '../log.js'
import { startTimeOf } from '../service/process.js'
import type { ChangeKind } from './changes.js'
import { FORWARDING4, FORWARDING6, keysOfDevices, readSysctl, sideEffects, writeSysctl } from './sysctl-files.js'
import { SysctlState, type Saved } from './sysctl-state.js'

const noteSchema = z.object({
  /** Whose it is, among all that use it. */
  id: z.string(),
  /** `net/ipv4/ip_forward` → `1`, in the order in which they are set. */
  values: z.record(z.string(), z.string()),
})
export type SysctlNote = z.infer<typeof noteSchema>

/** Where things are on this machine; others in tests. */
export interface SysctlPlaces {
  proc: string
  runDirectory: string
  netns: string
}
export const SYSCTL_PLACES: SysctlPlaces = {
  proc: '/proc/sys',
  runDirectory: RUN_DIR,
  netns: '/proc/self/ns/net',
}

/**
 * What carries clients' packets to other devices. Changes nothing.
 *
 * A device that forwards IPv6 no longer takes router advertisements, by which many a server has its address and its route,
 * unless `accept_ra` is 2 (kernel: Documentation/networking/ip-sysctl).
 */
export async function planForwarding({ ipv6 }: { ipv6: boolean }, places = SYSCTL_PLACES): Promise<SysctlNote> {
  const values: Record<string, string> = {}
  if (ipv6) {
    const saved = await new SysctlState(places).peek()
    const forwards = readSysctl(places.proc, FORWARDING6) !== '0'
    for (const key of keysOfDevices(places.proc, 'ipv6', 'accept_ra')) {
      // Those that another mqvpn has set have to outlive it.
      const listens = !forwards && readSysctl(places.proc, key) === '1' && !ownForwards(places.proc, key)
      if (listens || key in saved) values[key] = '2'
    }
  }
  values[FORWARDING4] = '1'
  if (ipv6) values[FORWARDING6] = '1'
  return { id: randomUUID(), values }
}

/** The device forwards already, although the host does not: it takes no advertisements now. */
function ownForwards(proc: string, acceptRa: string): boolean {
  return readSysctl(proc, acceptRa.replace(/accept_ra$/, 'forwarding')) === '1'
}

/** @param log is told what was left as it is because somebody else has changed it */
export function sysctlKind(log: Log, places = SYSCTL_PLACES, write = writeSysctl): ChangeKind<SysctlNote> {
  const { proc } = places

  /** Before it is changed. */
  const save = (key: string, value: string): Saved | null => {
    const original = readSysctl(proc, key)
    if (original !== null) return { original, ours: value, after: sideEffects(proc, key) }
    // A device may have gone since it was looked for; what the kernel does not have at all is another matter.
    if (key !== FORWARDING4 && key !== FORWARDING6) return null
    throw new VpnError(
      `${proc}/${key}: is not there: this kernel has ${key === FORWARDING6 ? 'no IPv6; leave out --subnet6' : 'no IPv4'}, or add --no-nat`,
    )
  }

  const restore = (key: string, { original, ours, after }: Saved): void => {
    const now = readSysctl(proc, key)
    if (now === null) return
    if (now !== ours && now !== original) {
      log.warn(`${proc}/${key}: somebody has changed it from ${ours} to ${now}; it stays`)
      return
    }
    // It is `original` when somebody was killed after the first of these steps.
    if (now !== original) write(proc, key, original)
    for (const [other, value] of Object.entries(after)) {
      const there = readSysctl(proc, other)
      if (there !== null && there !== value) write(proc, other, value)
    }
  }

  return {
    kind: 'sysctl',

    async apply({ id, values }) {
      await new SysctlState(places).change((state) => {
        const changed: [string, string][] = []
        for (const [key, value] of Object.entries(values)) {
          if (readSysctl(proc, key) === value) continue
          const saved = save(key, value)
          if (saved === null) continue
          state.saved[key] = saved
          changed.push([key, value])
        }
        const keys = Object.keys(values).filter((key) => key in state.saved)
        if (keys.length > 0) {
          state.users.push({ id, pid: process.pid, startTime: startTimeOf(process.pid) ?? '', keys })
        }
        // It is on the disk before anything is changed.
        return () => {
          for (const [key, value] of changed) write(proc, key, value)
        }
      })
    },

    async undo(given) {
      const { data: note } = noteSchema.safeParse(given)
      if (note === undefined) throw new VpnError('what was noted of it cannot be understood')
      await new SysctlState(places).change((state) => {
        state.users = state.users.filter(({ id }) => id !== note.id)
        const needed = new Set(state.users.flatMap(({ keys }) => keys))
        const failures: string[] = []
        const left: [string, Saved][] = []
        // The last one first: forwarding before what depends on it.
        for (const [key, saved] of Object.entries(state.saved).reverse()) {
          if (needed.has(key)) {
            left.unshift([key, saved])
            continue
          }
          try {
            restore(key, saved)
          } catch (error) {
            left.unshift([key, saved])
            failures.push(messageOf(error))
          }
        }
        state.saved = Object.fromEntries(left)
        return () => {
          if (failures.length > 0) throw new VpnError(failures.join('; '))
        }
      })
    },
  }
}
