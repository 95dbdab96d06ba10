/** One sample: one subject that is up, one measurement, one repeat. */
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { monotonicMs, runSchedule, systemClock, type AppliedFault } from '../faults/schedule.js'
import { InterruptedError, messageOf } from '../lab/errors.js'
import type { Lab } from '../lab/lab.js'
import type { Sample, WindowInfo } from '../results/schema.js'
import type { FaultAction, MeasurementSpec } from '../scenario/types.js'
import type { RunningSubject } from '../subjects/subject.js'
import { goodputInWindows } from '../traffic/goodput-windows.js'
import { startLoad } from '../traffic/iperf.js'
import { probeResult } from '../traffic/probe-windows.js'
import { startProbe } from '../traffic/probe.js'
import type { LoadResult, LoadRun, ProbeRun, TrafficContext } from '../traffic/types.js'
import { CoreMeter, ProcessMeter } from './cpu.js'
import { emulatorDrops, LinkRecorder, pathUses } from './link-series.js'

/** How long the probe runs alone before the load starts: it gives the idle delay. */
export const IDLE_MS = 300

/** What the kernel's default would be if a distribution had not changed it; explicit, so that results travel. */
const DEFAULT_CONGESTION = 'cubic'

/** Share of the probe's packets that may stay unsent before a sample says so. */
const MOST_SKIPPED = 0.02

export interface SampleInput {
  lab: Lab
  subject: RunningSubject
  subjectId: string
  measurement: MeasurementSpec
  windows: readonly WindowInfo[]
  repeat: number
  order: number
  /** Raw outputs go here. */
  directory: string
  /** `directory` relative to the result directory. */
  relativeDirectory: string
  /** The measurement's faults that were there before the subject started, by CLOCK_MONOTONIC. */
  before?: readonly AppliedFault[]
  signal: AbortSignal
}

/** What a sample says beyond its row in the results. */
export interface SampleOutput {
  sample: Sample
  /** Frames that the link emulator itself lost. */
  emulatorDrops: number
}

/** Never rejects for what a subject does wrong (that is a failed sample), only for an interruption. */
export async function takeSample(input: SampleInput): Promise<SampleOutput> {
  const startedAt = new Date().toISOString()
  mkdirSync(input.directory, { recursive: true })
  const traffic: Traffic = { load: null, probe: null }
  try {
    return await measure(input, traffic, startedAt)
  } catch (error) {
    if (input.signal.aborted) throw new InterruptedError('interrupted', { cause: error })
    return { sample: emptySample(input, 'failed', startedAt, messageOf(error)), emulatorDrops: 0 }
  } finally {
    await traffic.load?.stop()
    await traffic.probe?.stop().catch(() => undefined)
    await Promise.all([...input.lab.paths.values()].map((path) => path.restore()))
  }
}

/** A sample without figures. */
export function emptySample(
  { subjectId, measurement, repeat, order }: Pick<SampleInput, 'subjectId' | 'measurement' | 'repeat' | 'order'>,
  status: 'failed' | 'unsupported',
  startedAt: string,
  reason: string,
): Sample {
  return {
    subject: subjectId,
    measurement: measurement.id,
    repeat,
    order,
    startedAt,
    status,
    reason,
    goodput: null,
    udp: null,
    probe: null,
    paths: [],
    processes: [],
    cpuSecondsPerGigabyte: null,
    busiestCore: 0,
    faultsAppliedMs: [],
    files: [],
  }
}

interface Traffic {
  load: LoadRun | null
  probe: ProbeRun | null
}

async function measure(input: SampleInput, traffic: Traffic, startedAt: string): Promise<SampleOutput> {
  const { lab, subject, measurement, before = [], signal } = input
  const context: TrafficContext = {
    client: lab.client,
    server: lab.server,
    endpoint: subject.endpoint,
    workDir: input.directory,
    signal,
  }
  await lab.shaper.resetMarks()

  const processes = new ProcessMeter()
  for (const process of subject.processes) processes.add(process)
  processes.addMetered({
    info: { name: lab.shaper.kind === 'user' ? 'mqvpn-link' : 'kernel', side: 'lab', role: 'lab' },
    cpuSeconds: () => lab.shaper.cpuSeconds(),
  })

  const idleFromMs = monotonicMs()
  if (measurement.probe) {
    traffic.probe = await startProbe(context, measurement.probe)
    for (const process of traffic.probe.processes) processes.add(process)
    await systemClock.sleep(IDLE_MS, signal)
  }
  const idleToMs = monotonicMs()

  const cores = new CoreMeter()
  const recorder = new LinkRecorder(lab.shaper)
  try {
    let zeroMs = monotonicMs()
    if (measurement.load) {
      traffic.load = await startLoad(context, withCongestion(measurement.load))
      for (const process of traffic.load.processes) processes.add(process)
      zeroMs = await traffic.load.zeroMs
    }
    const applied = await runSchedule(
      measurement.faults.filter((fault) => !fault.beforeStart),
      zeroMs,
      async (fault) => {
        await apply(lab, subject, fault)
        // A restart has made new ones.
        for (const process of subject.processes) processes.add(process)
      },
      signal,
    )
    await systemClock.sleep(zeroMs + measurement.durationMs - monotonicMs(), signal)
    signal.throwIfAborted()
    const busiestCore = cores.busiestShare()
    const result = traffic.load ? await traffic.load.finished : null
    const readings = await recorder.stop()
    const probe = traffic.probe ? await traffic.probe.stop() : null
    traffic.probe = null

    const goodput = result ? goodputOf(result, input.windows) : null
    const used = processes.stop()
    return {
      emulatorDrops: emulatorDrops(readings),
      sample: {
        ...emptySample(input, 'failed', startedAt, ''),
        status: result?.problem && result.series.length === 0 ? 'failed' : 'ok',
        reason: result?.problem ?? stalled(probe),
        goodput,
        udp: result?.udp ?? null,
        probe: probe
          ? probeResult({
              records: probe.records,
              protocol: probe.protocol,
              intervalMs: probe.spec.everyMs,
              windows: input.windows,
              zeroMs,
              idle: { fromMs: idleFromMs, toMs: idleToMs },
            })
          : null,
        paths: pathUses(readings, zeroMs),
        processes: used,
        cpuSecondsPerGigabyte: cpuPerGigabyte(used, result, measurement),
        busiestCore,
        faultsAppliedMs: [...before.map(({ atMs }) => atMs - zeroMs), ...applied.map(({ atMs }) => atMs)].map(tenths),
        files: [...(result?.files ?? []), ...(probe?.files ?? [])].map((file) => join(input.relativeDirectory, file)),
      },
    }
  } finally {
    processes.stop()
    await recorder.stop()
  }
}

const tenths = (ms: number): number => Math.round(ms * 10) / 10

/** A probe that could not keep its schedule says so: gaps and delays then show this machine, not the path. */
function stalled(probe: Awaited<ReturnType<ProbeRun['stop']>> | null): string | null {
  if (!probe) return null
  const { client, server } = probe.records
  const skipped = (client.header?.skipped ?? 0) + (server.header?.skipped ?? 0)
  const due = client.sent.length + server.sent.length + skipped
  if (skipped <= due * MOST_SKIPPED) return null
  return `the probe skipped ${skipped} of ${due} packets: this machine was too busy to send them in time`
}

async function apply(lab: Lab, subject: RunningSubject, fault: FaultAction): Promise<void> {
  if (fault.verb === 'restart') await subject.restart(fault.side)
  else await lab.path(fault.path).apply(fault)
}

function withCongestion(load: NonNullable<MeasurementSpec['load']>): NonNullable<MeasurementSpec['load']> {
  return load.kind === 'tcp' ? { ...load, congestion: load.congestion ?? DEFAULT_CONGESTION } : load
}

function goodputOf(result: LoadResult, windows: readonly WindowInfo[]): Sample['goodput'] {
  return {
    windows: goodputInWindows(result.series, windows),
    series: result.series,
    retransmits: result.retransmits,
  }
}

/** The subject's CPU time over what was received in the measured and the omitted part, which is when it was spent. */
function cpuPerGigabyte(
  used: Sample['processes'],
  result: LoadResult | null,
  { durationMs, omitMs }: MeasurementSpec,
): number | null {
  const own = used.filter((row) => row.role === 'subject')
  if (!result || own.length === 0 || result.series.length === 0) return null
  const mean = result.series.reduce((sum, point) => sum + point.bitsPerSecond, 0) / result.series.length
  const bytes = (mean * (durationMs + omitMs)) / 8e3
  return bytes > 0 ? own.reduce((sum, row) => sum + row.cpuSeconds, 0) / (bytes / 1e9) : null
}
