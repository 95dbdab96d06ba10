/** Reasons for which a subject is left out. They are printed in the report as they stand here. */
import { existsSync } from 'node:fs'
import type { MeasurementSpec } from '../scenario/types.js'
import type { Unsupported } from './subject.js'
import { missingPrograms, type Requirement } from './which.js'

/** null when all are installed. */
export function missing(requirements: readonly Requirement[]): Unsupported | null {
  const absent = missingPrograms(requirements)
  if (absent.length === 0) return null
  const programs = absent.map(({ program }) => program).join(', ')
  const packages = [...new Set(absent.map((requirement) => requirement.package))].join(' ')
  return {
    status: 'missing',
    reason: `${programs} ${absent.length === 1 ? 'is' : 'are'} not installed`,
    remedy: `apt install ${packages}`,
  }
}

/** null when TUN devices can be made. */
export function missingTun(device = '/dev/net/tun'): Unsupported | null {
  if (existsSync(device)) return null
  return {
    status: 'missing',
    reason: `${device} does not exist, so no tunnel device can be made`,
    remedy: 'load the tun module (modprobe tun), or give the container /dev/net/tun',
  }
}

/** Why a subject without processes of its own cannot do a measurement that restarts it, or null. */
export function cannotRestart(measurement: MeasurementSpec, kind: string): string | null {
  return measurement.faults.some(({ action }) => action.verb === 'restart')
    ? `${kind} has no process that could be restarted`
    : null
}
