/** `calibrate`: builds links and measures them against what was asked for. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pc from 'picocolors'
import { Lab } from '../../lab/lab.js'
import type { Calibration } from '../../results/schema.js'
import { calibrate } from '../../run/calibrate.js'
import { defineScenario } from '../../scenario/define.js'
import { loadScenario } from '../../scenario/load.js'
import { traffic } from '../../scenario/traffic.js'
import { formatRate } from '../../scenario/units.js'
import { chooseShaper, type ShaperChoice } from '../../shaping/choose.js'
import { EXIT } from '../exit-codes.js'

export interface CalibrateOptions {
  seed?: number
  shaper: ShaperChoice
  json?: boolean
}

/** Links that cover what a scenario may ask for, when none is named. */
const RANGE = defineScenario({
  name: 'calibrate',
  description: 'Links from 1 Mbit/s to 1 Gbit/s.',
  paths: {
    m1: { rate: '1mbit', delay: '20ms', queue: '30p' },
    m10: { rate: '10mbit', delay: '10ms', queue: '1bdp' },
    m100: { rate: '100mbit', delay: '30ms', queue: '1bdp', loss: '1%' },
    m300: { rate: '300mbit', delay: '10ms', queue: '1bdp' },
    g1: { rate: '1gbit', delay: '2ms', queue: '1bdp' },
  },
  subjects: [],
  // A scenario measures something; calibration comes before that, so this never runs.
  traffic: { bulk: traffic.iperf({ direction: 'up', streams: 1, duration: '1s' }) },
})

export async function calibrateCommand(
  file: string | undefined,
  options: CalibrateOptions,
  signal: AbortSignal,
): Promise<number> {
  const scenario = file === undefined ? RANGE : (await loadScenario(file)).scenario
  const { kind, reason } = await chooseShaper(options.shaper, scenario.paths)
  const lab = await Lab.open(scenario.paths, { shaper: kind, seed: options.seed ?? 1 })
  const directory = mkdtempSync(join(tmpdir(), 'mqvpn-bench-calibrate-'))
  try {
    process.stderr.write(`shaper ${kind}: ${reason}\n`)
    const calibration = await calibrate(lab, directory, signal, (text) => process.stderr.write(`  ${text}\n`))
    process.stdout.write(options.json ? `${JSON.stringify(calibration, null, 2)}\n` : `${render(calibration)}\n`)
    return calibration.ok ? EXIT.ok : EXIT.untrusted
  } finally {
    await lab.close()
    rmSync(directory, { recursive: true, force: true })
  }
}

function render({ entries, ok, probeJitter, tolerance }: Calibration): string {
  const mark = (good: boolean): string => (good ? pc.green('✓') : pc.red('✗'))
  const rows = entries.map(({ path, direction, rate, delay, loss, ok: good }) => [
    `${mark(good)} ${path} ${direction}`,
    `${rate.configuredBitsPerSecond === null ? 'unlimited' : formatRate(rate.configuredBitsPerSecond)} → ${(rate.measuredBitsPerSecond / 1e6).toFixed(2)} Mbit/s`,
    rate.error === null ? '' : `${rate.error >= 0 ? '+' : ''}${(rate.error * 100).toFixed(2)} %`,
    `${delay.configuredMs} → ${delay.p50Ms.toFixed(2)} ms (p99 ${delay.p99Ms.toFixed(2)})`,
    `loss ${(loss.configured * 100).toFixed(2)} → ${(loss.measured * 100).toFixed(2)} % of ${loss.sent}`,
  ])
  const plain = (cell: string): number => cell.replaceAll(/\u001b\[\d+m/g, '').length
  const widths = [0, 1, 2, 3].map((column) => Math.max(...rows.map((row) => plain(row[column] ?? ''))))
  const lines = rows.map((row) =>
    row
      .map((cell, column) => cell + ' '.repeat(Math.max(0, (widths[column] ?? 0) - plain(cell))))
      .join('  ')
      .trimEnd(),
  )
  return [
    ...lines,
    '',
    `tolerance: rate ±${tolerance.rate * 100} %, median delay ±${tolerance.delayMs} ms, loss inside its 99.9 % interval`,
    probeJitter
      ? `the probe's own jitter: p50 ${probeJitter.p50Ms.toFixed(3)} ms, p99 ${probeJitter.p99Ms.toFixed(3)} ms`
      : "the probe's own jitter could not be measured",
    ok ? 'calibrated' : 'NOT within tolerance: see `mqvpn-bench doctor`, and let the machine be idle',
  ].join('\n')
}
