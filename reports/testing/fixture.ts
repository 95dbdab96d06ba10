/**
 * A whole result that looks like a real one: the scenario `asym`, a fast and a slow path, four subjects that ran and one
 * that is not installed. Seeded: the same options give the same result. Always checked against the schema.
 */
import {
  type Result,
  RESULT_SCHEMA_VERSION,
  type Sample,
  type SubjectInfo,
  result as schema,
} from '../../harness/results/schema.js'
import { type Behaviour, behaviours, brokenPath } from './behaviour.js'
import { seeded } from './random.js'
import { failedSample, makeSample, type Place } from './samples.js'
import { calibration, environment, measurements, paths, topology } from './setting.js'
import { compareSubjects, summarise } from './summary.js'

export interface FixtureOptions {
  seed?: number
  /** Six by default; fewer is not a measurement. */
  repeats?: number
  /** Path b passes less than it should. */
  failedCalibration?: boolean
  /** Stopped by the user in the middle of round two. */
  interrupted?: boolean
  /** Nothing was measured at all. */
  empty?: boolean
  /** One subject fails in one repeat. */
  crashed?: boolean
  /** Multiplies the goodput of one subject: for comparing two runs. */
  factor?: Record<string, number>
}

const START = Date.UTC(2026, 0, 15, 9, 30)

export function makeResult(options: FixtureOptions = {}): Result {
  const repeats = options.repeats ?? 6
  const samples = makeSamples(options, repeats)
  const { summary, baselines } = summarise(samples)
  const whyNot: string[] = []
  if (repeats < 6)
    whyNot.push(`${repeats === 1 ? 'One repeat' : `${repeats} repeats`}: six are the least that carry an interval.`)
  if (options.failedCalibration) whyNot.push('Calibration failed: path b passes 12.6 % less than configured, down.')
  if (options.interrupted) whyNot.push('Interrupted in round 2 of 6.')
  if (options.empty) whyNot.push('No subject gave a sample.')
  const comparisons = [...compareSubjects(summary, 'direct:a', 'mqvpn'), ...compareSubjects(summary, 'mptcp', 'mqvpn')]
  return schema.parse({
    schemaVersion: RESULT_SCHEMA_VERSION,
    tool: { name: 'mqvpn-bench', version: '0.1.0', commit: '4f2c91ab7d30', dirty: false },
    scenario: {
      name: 'asym',
      description: 'A fast and a slow path together beat the fast one, and losing either is survived.',
      file: 'scenarios/asym.ts',
      sha256: '9d0f6b0c3c6cf0f3a4ea0f2f4a2a5e0e0bb2fb1f3fd7b4c27a4a4b8c1e7f5d21',
      topology,
    },
    command: `sudo npx mqvpn-bench run scenarios/asym.ts --seed ${options.seed ?? 7} --repeats ${repeats}`,
    seed: options.seed ?? 7,
    startedAt: new Date(START).toISOString(),
    finishedAt: new Date(START + samples.length * 16_000).toISOString(),
    repeats,
    trusted: whyNot.length === 0,
    whyNot,
    interrupted: options.interrupted ?? false,
    shaper: { backend: 'user', reason: 'the kernel has no sch_netem' },
    paths: [...paths],
    calibration: options.empty ? null : calibration(!options.failedCalibration),
    environment,
    subjects: [...behaviours.map(ran), missing],
    measurements: [...measurements],
    samples,
    summary,
    baselines,
    comparisons,
    expectations: expectationsOf(summary),
    guards: [
      {
        name: 'calibration',
        ok: !options.failedCalibration,
        detail: options.failedCalibration
          ? 'b down: 69.9 Mbit/s of 80 (−12.6 %, ±3 % allowed)'
          : 'both paths within ±3 % and ±1 ms',
      },
      { name: 'headroom', ok: true, detail: 'busiest core 62 % (90 % allowed)' },
      { name: 'spread', ok: true, detail: 'direct:a before and after differ by 0.4 %' },
    ],
    exitCode: options.interrupted ? 130 : options.failedCalibration ? 4 : 1,
  })
}

function makeSamples(options: FixtureOptions, repeats: number): Sample[] {
  if (options.empty) return []
  const random = seeded(options.seed ?? 7)
  const samples: Sample[] = []
  for (let repeat = 1; repeat <= repeats; repeat++) {
    for (const measurement of measurements) {
      for (const behaviour of behaviours) {
        const broken = brokenPath(measurement)
        if (behaviour.kind === 'direct' && broken !== null && !behaviour.paths.includes(broken)) continue
        if (options.interrupted && samples.length >= 25) return samples
        const order = samples.length + 1
        const slow = repeat === 4 && behaviour.id === 'mptcp' && measurement.id === 'bulk/4'
        const place: Place = { repeat, order, slow, startedAt: new Date(START + order * 16_000).toISOString() }
        const fails = options.crashed && repeat === 2 && behaviour.id === 'mqvpn' && measurement.id === 'bulk/16'
        const scaled = scale(behaviour, options.factor?.[behaviour.id] ?? 1)
        samples.push(
          fails
            ? failedSample(
                behaviour.id,
                measurement.id,
                place,
                'mqvpn client exited with code 139 (SIGSEGV) after 3.2 s',
              )
            : makeSample(scaled, measurement, place, random),
        )
      }
    }
  }
  return samples
}

function scale(behaviour: Behaviour, factor: number): Behaviour {
  const bulk = Object.fromEntries(Object.entries(behaviour.bulk).map(([streams, rate]) => [streams, rate * factor]))
  return { ...behaviour, bulk }
}

function ran(behaviour: Behaviour): SubjectInfo {
  const { id, kind, label, version, paths: used } = behaviour
  return { id, kind, label, version, paths: used, status: 'ok', reason: null, remedy: null }
}

const missing: SubjectInfo = {
  id: 'wireguard-go',
  kind: 'wireguard-go',
  label: 'wireguard-go on path a',
  version: null,
  paths: ['a'],
  status: 'missing',
  reason: 'wireguard-go is not installed.',
  remedy: 'apt install wireguard-go wireguard-tools',
}

function expectationsOf(summary: Result['summary']): Result['expectations'] {
  const rate = (subject: string, measurement: string): number | undefined =>
    summary.find((row) => row.subject === subject && row.measurement === measurement && row.metric === 'goodput')
      ?.ofBest ?? undefined
  const found = rate('mqvpn', 'bulk/16')
  return [
    {
      text: 'mqvpn goodput (bulk/16) is at least 105 % of the best path',
      status: found === undefined ? 'unknown' : 'passed',
      detail: found === undefined ? 'mqvpn gave no sample of bulk/16' : `${(found * 100).toFixed(0)} %`,
    },
    {
      text: 'mptcp outage (failover-a/4, degraded) is at most 200 ms',
      status: found === undefined ? 'unknown' : 'failed',
      detail: found === undefined ? 'mptcp gave no sample of failover-a/4' : 'median 212 ms, worst 231 ms in repeat 3',
    },
    {
      text: 'wireguard-go goodput (bulk/4) is at least 90 % of the best path',
      status: 'unknown',
      detail: 'wireguard-go is not installed',
    },
  ]
}
