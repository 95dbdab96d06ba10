/** The sentences that every renderer prints alike: what was run, on which paths, and whether to believe it. */
import type { CalibrationEntry, PathInfo, Result } from '../../harness/results/schema.js'
import { digits, rate, signedPercent } from './metrics.js'

/** `a 300 Mbit 10 ms`; with different directions `a 300/40 Mbit 5 ms` (up first). */
export function describePath(path: PathInfo): string {
  const up = rate(path.up.bitsPerSecond, path.up.trace)
  const down = rate(path.down.bitsPerSecond, path.down.trace)
  const sameUnit = up.split(' ')[1] === down.split(' ')[1] && up.includes(' ')
  const rates = up === down ? up : sameUnit ? `${up.split(' ')[0] ?? up}/${down}` : `${up} up, ${down} down`
  const delays =
    path.up.delayMs === path.down.delayMs
      ? digits(path.up.delayMs)
      : `${digits(path.up.delayMs)}/${digits(path.down.delayMs)}`
  const loss = path.up.loss !== null || path.down.loss !== null ? ' lossy' : ''
  return `${path.name} ${rates} ${delays} ms${loss}`
}

export function repeatsText(result: Result): string {
  return result.repeats === 1 ? '1 repeat' : `${result.repeats} repeats interleaved`
}

/** Parts of the first line of the terminal summary. */
export function headline(result: Result): string[] {
  return [
    result.scenario.name,
    ...result.paths.map(describePath),
    `seed ${result.seed}`,
    repeatsText(result),
    `shaper ${result.shaper.backend}`,
  ]
}

/** One part per path: `a 299.4/299.1 Mbit (−0.2 %) 10.1 ms`; the error is the worse direction's. */
export function calibrationParts(result: Result): { text: string; ok: boolean }[] {
  const entries = result.calibration?.entries ?? []
  const names = [...new Set(entries.map((entry) => entry.path))]
  return names.map((name) => {
    const both = entries.filter((entry) => entry.path === name)
    const rates = both.map((entry) => measuredRate(entry)).join('/')
    const errors = both.map((entry) => entry.rate.error).filter((error) => error !== null)
    const worst = errors.reduce<number | null>((x, y) => (x === null || Math.abs(y) > Math.abs(x) ? y : x), null)
    const error = worst === null ? '' : ` (${signedPercent(worst)})`
    const delay = Math.max(...both.map((entry) => entry.delay.p50Ms))
    return { text: `${name} ${rates} Mbit/s${error} ${delay.toFixed(1)} ms`, ok: both.every((entry) => entry.ok) }
  })
}

function measuredRate(entry: CalibrationEntry): string {
  return (entry.rate.measuredBitsPerSecond / 1e6).toFixed(1)
}

export interface Verdict {
  word: 'passed' | 'failed' | 'not a measurement' | 'interrupted' | 'measured'
  /** One sentence. */
  text: string
}

/** What a reader should take away first. */
export function verdict(result: Result): Verdict {
  const failed = result.expectations.filter((found) => found.status === 'failed').length
  const passed = result.expectations.filter((found) => found.status === 'passed').length
  const total = result.expectations.length
  if (result.interrupted) return { word: 'interrupted', text: 'The run was stopped before its end.' }
  if (!result.trusted) return { word: 'not a measurement', text: 'These figures show that it runs, not how well.' }
  if (failed > 0) return { word: 'failed', text: `${failed} of ${total} expectations failed.` }
  if (total === 0) return { word: 'measured', text: 'The scenario states no expectation.' }
  const unknown = total - passed
  if (unknown > 0)
    return { word: 'passed', text: `${passed} of ${total} expectations passed, ${unknown} could not be decided.` }
  return { word: 'passed', text: total === 1 ? 'The expectation passed.' : `All ${total} expectations passed.` }
}
