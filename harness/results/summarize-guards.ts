/** Reasons not to believe a run: links that are not what they should be, a machine too busy or too unsteady. */
import { median } from '../stats/median.js'
import { outliers } from '../stats/outliers.js'
import type { Calibration, Guard, Measurement, PathInfo, Sample } from './schema.js'
import type { Series } from './summarize-metrics.js'
import { percentWords } from './summarize-format.js'

/** Busiest core's share of time not idle, median of the repeats. Above it, the machine and not the VPN may have been the limit. */
export const MOST_BUSY = 0.9
/** Range of the direct runs over one path, relative to their median, marked outliers left out. */
export const MOST_SPREAD = 0.05
/** Packets that the emulator itself lost, of those it delivered. */
export const MOST_EMULATOR_LOSS = 1e-4

export interface GuardInput {
  calibration: Calibration | null
  measurements: readonly Measurement[]
  samples: readonly Sample[]
  /** Frames that the emulator itself lost, in all samples. */
  emulatorDrops: number
  series: readonly Series[]
  paths: readonly Pick<PathInfo, 'name' | 'up' | 'down'>[]
}

export function guardsOf(input: GuardInput): Guard[] {
  return [calibrationGuard(input), headroomGuard(input), spreadGuard(input), emulatorGuard(input)]
}

function calibrationGuard({ calibration }: GuardInput): Guard {
  const name = 'calibration'
  if (calibration === null) return { name, ok: false, detail: 'the links were not calibrated' }
  const bad = calibration.entries.filter((entry) => !entry.ok)
  const what = bad.map((entry) => {
    const kinds = (['rate', 'delay', 'loss'] as const).filter((kind) => !entry[kind].ok)
    return `${entry.path} ${entry.direction} (${kinds.join(', ')})`
  })
  if (bad.length > 0) return { name, ok: false, detail: `not as configured: ${what.join('; ')}` }
  return { name, ok: calibration.ok, detail: calibration.ok ? 'every link is as configured' : 'failed' }
}

/**
 * The median over the repeats of each subject and measurement, as for every other figure: one repeat that met a busy moment
 * does not move a median. A measurement over links without a rate is meant to use the machine up, so it is left out.
 */
function headroomGuard({ samples, measurements }: GuardInput): Guard {
  const name = 'headroom'
  const limited = new Set(measurements.filter((m) => m.achievable.sum !== null).map((m) => m.id))
  const cells = new Map<string, number[]>()
  for (const sample of samples) {
    if (sample.status !== 'ok' || !limited.has(sample.measurement)) continue
    const cell = `${sample.subject}, ${sample.measurement}`
    cells.set(cell, [...(cells.get(cell) ?? []), sample.busiestCore])
  }
  if (cells.size === 0) return { name, ok: true, detail: 'nothing ran over links with a fixed rate' }
  const medians = [...cells].map(([cell, shares]) => ({ cell, share: median(shares) }))
  const { cell, share } = medians.reduce((a, b) => (b.share > a.share ? b : a))
  return {
    name,
    ok: share <= MOST_BUSY,
    detail: `busiest core ${percentWords(Math.round(share * 100) / 100)} (${cell}, median of the repeats); the most is ${percentWords(MOST_BUSY)}`,
  }
}

/** Only over steady paths: loss, jitter and traces spread TCP by themselves. */
function spreadGuard({ series, paths }: GuardInput): Guard {
  const name = 'spread'
  const steady = paths.filter(({ up, down }) =>
    [up, down].every((d) => d.loss === null && d.jitterMs === 0 && d.trace === null && d.bitsPerSecond !== null),
  )
  const ids = steady.map((path) => `direct:${path.name}`)
  const counted = series.filter(
    (s) => ids.includes(s.subject) && s.metric === 'goodput' && s.window === 'healthy' && s.values.size > 1,
  )
  if (counted.length === 0) return { name, ok: true, detail: 'no direct run over a steady path was repeated' }
  const spreads = counted.map((s) => ({ s, spread: spreadOf([...s.values.values()]) }))
  const widest = spreads.reduce((a, b) => (b.spread > a.spread ? b : a))
  const ok = widest.spread <= MOST_SPREAD
  const found = `direct runs differ by ${percentWords(Number(widest.spread.toPrecision(2)))} (${widest.s.subject}, ${widest.s.measurement})`
  return {
    name,
    ok,
    detail: ok ? found : `${found}; the most is ${percentWords(MOST_SPREAD)}: run on a quieter machine`,
  }
}

function spreadOf(values: readonly number[]): number {
  const marked = new Set(outliers(values))
  const kept = values.filter((_, i) => !marked.has(i))
  return (Math.max(...kept) - Math.min(...kept)) / median(values)
}

/** Losses that are neither configured, nor a full queue, nor a fault: the emulator could not keep up. */
function emulatorGuard({ samples, emulatorDrops }: GuardInput): Guard {
  const delivered = samples.flatMap((s) => s.paths).reduce((sum, use) => sum + use.packets, 0)
  const share = emulatorDrops / Math.max(1, delivered)
  const detail =
    emulatorDrops === 0
      ? 'the emulator lost nothing by itself'
      : `the emulator lost ${emulatorDrops} of ${delivered} packets by itself`
  return { name: 'emulator', ok: share <= MOST_EMULATOR_LOSS, detail }
}
