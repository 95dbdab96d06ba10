/** Made-up runs for tests: a scenario, and samples whose numbers the test chooses. */
import { describeMeasurement } from '../../scenario/describe.js'
import { drawTopology } from '../../scenario/topology.js'
import type { Scenario } from '../../scenario/types.js'
import type { Calibration, Measurement, ProbeWindow, Sample, SubjectInfo } from '../schema.js'
import type { Draft } from '../summarize.js'

/** What a subject reached: goodput by window in Mbit/s, for one repeat of one measurement. */
export type Goodput = (subject: string, measurement: Measurement, repeat: number) => Record<string, number> | null

export const okCalibration: Calibration = {
  ok: true,
  tolerance: { rate: 0.03, delayMs: 1 },
  probeJitter: { p50Ms: 0.02, p99Ms: 0.1 },
  entries: [],
}

export function sampleOf(
  subject: string,
  measurement: Measurement,
  repeat: number,
  change: Partial<Sample> = {},
): Sample {
  return {
    subject,
    measurement: measurement.id,
    repeat,
    order: repeat,
    startedAt: '2026-01-31T09:30:00.000Z',
    status: 'ok',
    reason: null,
    goodput: null,
    udp: null,
    probe: null,
    paths: [],
    processes: [],
    cpuSecondsPerGigabyte: null,
    busiestCore: 0.4,
    faultsAppliedMs: [],
    files: [],
    ...change,
  }
}

export function goodput(mbit: Record<string, number>): NonNullable<Sample['goodput']> {
  const windows = Object.entries(mbit).map(([window, value]) => ({ window, bitsPerSecond: value * 1e6 }))
  return { windows, series: [], retransmits: null }
}

export function probe(
  windows: Partial<ProbeWindow>[],
  idle: { up: number | null; down: number | null },
): NonNullable<Sample['probe']> {
  return {
    protocol: 'udp',
    intervalMs: 10,
    idleP50Ms: idle,
    ecdf: { idle: [], loaded: [] },
    windows: windows.map((window) => ({
      window: 'healthy',
      direction: 'up',
      sent: 100,
      received: 100,
      lost: 0,
      duplicated: 0,
      reordered: 0,
      reorderDepth: 0,
      longestGapMs: 10,
      delayP50Ms: 11,
      delayP95Ms: 20,
      delayP99Ms: 30,
      ...window,
    })),
  }
}

/** Every subject in every measurement and repeat for which `reached` gives numbers. */
export function draftOf(scenario: Scenario, repeats: number, reached: Goodput, change: Partial<Draft> = {}): Draft {
  const measurements = scenario.measurements.map((spec) => describeMeasurement(spec, scenario))
  const subjects: SubjectInfo[] = scenario.subjects.map(({ id, kind, label, paths }) => ({
    id,
    kind,
    label,
    paths,
    version: null,
    status: 'ok',
    reason: null,
    remedy: null,
  }))
  const samples: Sample[] = []
  for (let repeat = 1; repeat <= repeats; repeat++) {
    for (const { id } of subjects) {
      for (const measurement of measurements) {
        const mbit = reached(id, measurement, repeat)
        if (mbit) samples.push(sampleOf(id, measurement, repeat, { goodput: goodput(mbit) }))
      }
    }
  }
  return {
    schemaVersion: 1,
    tool: { name: 'mqvpn-bench', version: '0.1.0', commit: null, dirty: false },
    scenario: {
      name: scenario.name,
      description: scenario.description,
      file: 'x.ts',
      sha256: '0',
      topology: drawTopology(scenario),
    },
    command: 'mqvpn-bench x.ts',
    seed: 1,
    startedAt: '2026-01-31T09:30:00.000Z',
    finishedAt: '2026-01-31T09:31:00.000Z',
    repeats,
    interrupted: false,
    shaper: { backend: 'user', reason: 'the kernel has no netem' },
    paths: scenario.paths.map((path) => ({ ...path, device: path.name, clientAddresses: [], serverAddresses: [] })),
    calibration: okCalibration,
    environment: {
      hostname: 'test',
      kernel: '6.1',
      os: 'Linux',
      cpuModel: 'x',
      cpuCount: 2,
      memoryBytes: 1,
      governor: null,
      clocksource: null,
      loadAverage: [0, 0, 0],
      node: '20',
      tools: {},
      sysctls: {},
      missing: [],
    },
    subjects,
    measurements,
    samples,
    schedules: scenario.measurements,
    expectations: scenario.expectations,
    emulatorDrops: 0,
    allowUntrusted: false,
    ...change,
  }
}
