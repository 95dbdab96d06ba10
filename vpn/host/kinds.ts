/** Every kind of change that mqvpn makes on a host: what `mqvpn recover` and the next start can take back. */
import type { Log } from '../log.js'
import type { ChangeKind } from './changes.js'
import { dnsKind } from './dns.js'
import { killSwitchKind } from './kill-switch.js'
import { natKind } from './nat.js'
import { sysctlKind } from './sysctl.js'

export const KILL_SWITCH = 'kill-switch'

export function allKinds(log: Log): ChangeKind[] {
  return [dnsKind(log), killSwitchKind(), natKind(log), sysctlKind(log)]
}
