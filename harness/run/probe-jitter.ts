/** The probe's own timing error, measured over loopback: below it, a delay in a report means nothing. */
import { programPath } from '../native.js'
import type { Host } from '../lab/host.js'
import type { Calibration } from '../results/schema.js'

const INTERVAL_US = 2000
const COUNT = 250

export async function probeJitter(host: Host): Promise<Calibration['probeJitter']> {
  const args = ['self', '--interval-us', String(INTERVAL_US), '--count', String(COUNT)]
  const { stdout, exitCode } = await host.run(programPath('mqvpn-probe'), args, { check: false })
  if (exitCode !== 0) return null
  return parseSelf(stdout)
}

/** Reads the JSON line of `mqvpn-probe self` (delays in µs); null when it is none. */
export function parseSelf(text: string): Calibration['probeJitter'] {
  try {
    const said = JSON.parse(text.trim().split('\n').at(-1) ?? '') as { delayUs?: { p50?: unknown; p99?: unknown } }
    const [p50Ms, p99Ms] = [Number(said.delayUs?.p50) / 1e3, Number(said.delayUs?.p99) / 1e3]
    return Number.isFinite(p50Ms) && Number.isFinite(p99Ms) ? { p50Ms, p99Ms } : null
  } catch {
    return null
  }
}
