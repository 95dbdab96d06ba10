/** Every subject by its kind. A new VPN is a file here and a line below. */
import { UsageError } from '../lab/errors.js'
import type { SubjectSpec } from '../scenario/types.js'
import * as command from './command.js'
import * as direct from './direct.js'
import * as fastd from './fastd.js'
import * as mptcp from './mptcp.js'
import * as mqvpn from './mqvpn.js'
import * as openvpn from './openvpn.js'
import type { SubjectAdapter } from './subject.js'
import type { Requirement } from './which.js'
import * as wireguardGo from './wireguard-go.js'

interface Entry {
  adapter: SubjectAdapter
  requirements: readonly Requirement[]
}

const entries: Partial<Record<SubjectSpec['kind'], Entry>> = {
  direct: { adapter: direct.direct, requirements: direct.requirements },
  mptcp: { adapter: mptcp.mptcp, requirements: mptcp.requirements },
  mqvpn: { adapter: mqvpn.mqvpn, requirements: mqvpn.requirements },
  'wireguard-go': { adapter: wireguardGo.wireguardGo, requirements: wireguardGo.requirements },
  openvpn: { adapter: openvpn.openvpn, requirements: openvpn.requirements },
  fastd: { adapter: fastd.fastd, requirements: fastd.requirements },
  command: { adapter: command.command, requirements: command.requirements },
}

export const subjectKinds = Object.keys(entries) as SubjectSpec['kind'][]

export function adapterFor(kind: SubjectSpec['kind']): SubjectAdapter {
  const entry = entries[kind]
  if (!entry) throw new UsageError(`no adapter for subjects of kind \`${kind}\`; there are: ${subjectKinds.join(', ')}`)
  return entry.adapter
}

/** Programs that subjects of a kind need, for `doctor`. */
export function requirementsOf(kind: SubjectSpec['kind']): readonly Requirement[] {
  return entries[kind]?.requirements ?? []
}
