/**
 * The shape of `result.json`: everything a report may know. Reports read this and nothing else, so that a report can
 * be rendered again, years later, from the file alone.
 *
 * Units are in the names: bits per second, milliseconds, bytes, seconds; probabilities and shares are 0..1.
 * Times called `atMs` are milliseconds since the start of the measurement's traffic, times called `…At` are ISO 8601.
 */
import { z } from 'zod'

export const RESULT_SCHEMA_VERSION = 1

const direction = z.enum(['up', 'down']).describe('up: client to server; down: server to client')
const nonNegative = z.number().min(0)
const share = z.number().min(0).max(1)

/** A packet queue's limit; exactly one unit is set. */
const queue = z.union([z.strictObject({ packets: z.int().min(1) }), z.strictObject({ bytes: z.int().min(1) })])

const loss = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('random'), probability: share }),
  z.strictObject({
    kind: z.literal('gilbert'),
    /** Probability per packet of moving from the good to the bad state. */
    toBad: share,
    /** Probability per packet of moving from the bad to the good state. */
    toGood: share,
    /** Loss probability while in the good state. */
    lossGood: share,
    /** Loss probability while in the bad state. */
    lossBad: share,
  }),
])

/** One direction of a link, as configured. */
export const directionSpec = z.strictObject({
  /** null: not limited (or limited by `trace`). Counted over whole Ethernet frames, 1514 bytes for a full one. */
  bitsPerSecond: nonNegative.nullable(),
  /** File name of a mahimahi packet-delivery trace, or null. */
  trace: z.string().nullable(),
  delayMs: nonNegative,
  /** Standard deviation of a normal distribution around `delayMs`. */
  jitterMs: nonNegative,
  /** false: jitter keeps packets in order. */
  jitterReorders: z.boolean(),
  loss: loss.nullable(),
  /** Probability that a packet skips the delay, and so overtakes others. */
  reorder: share,
  duplicate: share,
  queue,
  aqm: z.enum(['droptail', 'codel']),
})
export type DirectionSpec = z.infer<typeof directionSpec>

export const pathInfo = z.strictObject({
  name: z.string(),
  /** Device name on client and server. */
  device: z.string(),
  clientAddresses: z.array(z.string()),
  serverAddresses: z.array(z.string()),
  mtu: z.int(),
  up: directionSpec,
  down: directionSpec,
})
export type PathInfo = z.infer<typeof pathInfo>

/** One path in one direction, configured against measured, before anything else ran. */
export const calibrationEntry = z.strictObject({
  path: z.string(),
  direction,
  rate: z.strictObject({
    /** null: the path has no fixed rate; `measured` is then informative and always ok. */
    configuredBitsPerSecond: nonNegative.nullable(),
    measuredBitsPerSecond: nonNegative,
    /** measured / configured − 1. */
    error: z.number().nullable(),
    ok: z.boolean(),
  }),
  delay: z.strictObject({
    configuredMs: nonNegative,
    p50Ms: z.number(),
    p99Ms: z.number(),
    samples: z.int(),
    ok: z.boolean(),
  }),
  loss: z.strictObject({
    /** Expected share lost, from the configured loss model. */
    configured: share,
    measured: share,
    sent: z.int(),
    /** 99.9 % binomial interval around `configured` for `sent` packets. */
    low: share,
    high: share,
    ok: z.boolean(),
  }),
  ok: z.boolean(),
})
export type CalibrationEntry = z.infer<typeof calibrationEntry>

export const calibration = z.strictObject({
  ok: z.boolean(),
  tolerance: z.strictObject({ rate: z.number(), delayMs: z.number() }),
  /** The probe's own timing error, over loopback: median and 99th percentile in ms. */
  probeJitter: z.strictObject({ p50Ms: z.number(), p99Ms: z.number() }).nullable(),
  entries: z.array(calibrationEntry),
})
export type Calibration = z.infer<typeof calibration>

export const environment = z.strictObject({
  hostname: z.string(),
  kernel: z.string(),
  os: z.string(),
  cpuModel: z.string(),
  cpuCount: z.int(),
  memoryBytes: z.int(),
  governor: z.string().nullable(),
  clocksource: z.string().nullable(),
  loadAverage: z.array(z.number()),
  node: z.string(),
  /** Version line of each program used; null when the program is missing. */
  tools: z.record(z.string(), z.string().nullable()),
  sysctls: z.record(z.string(), z.string().nullable()),
  /** What this kernel lacks and what is used instead, one sentence each. */
  missing: z.array(z.string()),
})
export type Environment = z.infer<typeof environment>

export const subjectInfo = z.strictObject({
  /** Unique in the run: `direct:a`, `mptcp`, `wireguard-go`. */
  id: z.string(),
  kind: z.string(),
  label: z.string(),
  version: z.string().nullable(),
  /** Paths that the subject may use. */
  paths: z.array(z.string()),
  /** ok: it ran. unsupported: it cannot do this scenario. missing: not installed. crashed: at least one repeat failed. */
  status: z.enum(['ok', 'unsupported', 'missing', 'crashed']),
  /** Why not ok; one sentence. */
  reason: z.string().nullable(),
  /** What to install, or to do, to make it run. */
  remedy: z.string().nullable(),
})
export type SubjectInfo = z.infer<typeof subjectInfo>

export const faultMark = z.strictObject({
  atMs: nonNegative,
  /** down, up, carrier, blackhole, restore, loss, delay, rate, jitter, flap, rebind, readdress, mtu, restart */
  verb: z.string(),
  /** The path it acts on; null for faults on a subject. */
  path: z.string().nullable(),
  /** As a person would say it: `a: blackhole up`. */
  label: z.string(),
})
export type FaultMark = z.infer<typeof faultMark>

export const windowInfo = z.strictObject({
  /** healthy, degraded, restored; with a number after the first of a kind: degraded-2. */
  name: z.string(),
  startMs: nonNegative,
  endMs: nonNegative,
})
export type WindowInfo = z.infer<typeof windowInfo>

/** One thing that is measured, the same for every subject and repeat. */
export const measurement = z.strictObject({
  /** Unique: `bulk/4`, `failover-a/4`. */
  id: z.string(),
  phase: z.string(),
  /** As the report calls it: `4 TCP streams up`. */
  label: z.string(),
  protocol: z.enum(['tcp', 'udp', 'probe']),
  streams: z.int().min(0),
  direction: z.enum(['up', 'down', 'both']),
  /** Offered load, UDP only. */
  offeredBitsPerSecond: nonNegative.nullable(),
  /** UDP payload size, UDP only. */
  payloadBytes: z.int().nullable(),
  durationMs: z.number().positive(),
  /** Left out of every figure: the first part of the traffic (slow start). */
  omitMs: nonNegative,
  faults: z.array(faultMark),
  windows: z.array(windowInfo).min(1),
  /** Goodput that headers leave of the configured rates, per path and of all paths, bits per second; null: no fixed rate. */
  achievable: z.strictObject({
    perPath: z.record(z.string(), nonNegative.nullable()),
    sum: nonNegative.nullable(),
  }),
})
export type Measurement = z.infer<typeof measurement>

/** What the probe felt in one window and one direction. */
export const probeWindow = z.strictObject({
  window: z.string(),
  direction,
  sent: z.int(),
  received: z.int(),
  lost: z.int(),
  duplicated: z.int(),
  reordered: z.int(),
  /** Largest number of sequence numbers by which a packet came late. */
  reorderDepth: z.int(),
  /** Longest time without an arrival while one was due, ms (the whole window when nothing arrived); null when none was due. */
  longestGapMs: nonNegative.nullable(),
  /** One-way delay, ms; null when nothing arrived. */
  delayP50Ms: z.number().nullable(),
  delayP95Ms: z.number().nullable(),
  delayP99Ms: z.number().nullable(),
})
export type ProbeWindow = z.infer<typeof probeWindow>

export const probeResult = z.strictObject({
  protocol: z.enum(['udp', 'tcp']),
  intervalMs: z.number().positive(),
  windows: z.array(probeWindow),
  /** Idle delay before the load started, p50 per direction; null when not measured. */
  idleP50Ms: z.strictObject({ up: z.number().nullable(), down: z.number().nullable() }),
  /** Delay samples for the ECDF, at most 500 per list, sorted, ms. */
  ecdf: z.strictObject({ idle: z.array(z.number()), loaded: z.array(z.number()) }),
})
export type ProbeResult = z.infer<typeof probeResult>

/** What one path carried during one sample, counted by the link. */
export const pathUse = z.strictObject({
  path: z.string(),
  direction,
  /** Whole frames delivered, and their bytes. */
  packets: z.int(),
  bytes: z.int(),
  drops: z.strictObject({
    queue: z.int(),
    loss: z.int(),
    aqm: z.int(),
    blackhole: z.int(),
    other: z.int(),
  }),
  queueHighWaterBytes: z.int().nullable(),
  sojournMaxMs: z.number().nullable(),
  /** Throughput over time, one point per interval (its end). */
  series: z.array(z.strictObject({ atMs: z.number(), bitsPerSecond: nonNegative })),
})
export type PathUse = z.infer<typeof pathUse>

export const processUse = z.strictObject({
  /** Name of the program: `wireguard-go`, `iperf3`, `mqvpn-link`. */
  process: z.string(),
  side: z.enum(['client', 'server', 'lab']),
  /** subject: part of what is measured. traffic: load generator. lab: emulator and probe. */
  role: z.enum(['subject', 'traffic', 'lab']),
  cpuSeconds: nonNegative,
})
export type ProcessUse = z.infer<typeof processUse>

/** One subject, one measurement, one repeat. */
export const sample = z.strictObject({
  subject: z.string(),
  measurement: z.string(),
  /** Round number, from 1; samples of one round are paired. */
  repeat: z.int().min(1),
  /** Place in the whole run, from 1. */
  order: z.int().min(1),
  startedAt: z.string(),
  status: z.enum(['ok', 'failed', 'unsupported']),
  /** Why not ok; one line. */
  reason: z.string().nullable(),
  goodput: z
    .strictObject({
      /** Mean over the window, received application bytes. */
      windows: z.array(z.strictObject({ window: z.string(), bitsPerSecond: nonNegative })),
      series: z.array(z.strictObject({ atMs: z.number(), bitsPerSecond: nonNegative })),
      retransmits: z.int().nullable(),
    })
    .nullable(),
  udp: z.strictObject({ sent: z.int(), lost: z.int(), lostShare: share, jitterMs: nonNegative }).nullable(),
  probe: probeResult.nullable(),
  paths: z.array(pathUse),
  processes: z.array(processUse),
  /** CPU seconds of the subject's processes per 10^9 bytes of goodput; null without goodput or own processes. */
  cpuSecondsPerGigabyte: nonNegative.nullable(),
  /** Busiest core's share of time not idle. */
  busiestCore: share,
  /** When each fault was really applied, ms since the traffic's start, in the order of the measurement's faults. */
  faultsAppliedMs: z.array(z.number()),
  /** Raw outputs, relative to the result directory. */
  files: z.array(z.string()),
})
export type Sample = z.infer<typeof sample>

/** Median over repeats with the exact order-statistic interval; `low`/`high` are null below six repeats. */
export const estimate = z.strictObject({
  n: z.int().min(1),
  median: z.number(),
  low: z.number().nullable(),
  high: z.number().nullable(),
  /** Coverage of [low, high], e.g. 0.969; null without an interval. */
  coverage: z.number().nullable(),
  min: z.number(),
  max: z.number(),
  /** Median absolute deviation. */
  mad: z.number(),
  values: z.array(z.number()),
  /** Indices into `values` marked as outliers (modified z > 3.5); never dropped. */
  outliers: z.array(z.int()),
})
export type Estimate = z.infer<typeof estimate>

export const metricName = z.enum([
  'goodput', // bits per second
  'outage', // longest probe gap, ms
  'lost', // probe packets
  'delayP50', // ms, loaded
  'delayP95', // ms, loaded
  'delayP99', // ms, loaded
  'delayAdded', // ms, loaded p95 − idle p50
  'cpuPerGigabyte', // s/GB
  'udpLoss', // share
  'udpJitter', // ms
])
export type MetricName = z.infer<typeof metricName>

export const summaryRow = z.strictObject({
  subject: z.string(),
  measurement: z.string(),
  window: z.string(),
  metric: metricName,
  /** Only for probe metrics. */
  direction: direction.nullable(),
  estimate,
  /** Goodput only: median / best single path and / sum of paths, of the same measurement and window. */
  ofBest: nonNegative.nullable(),
  ofSum: nonNegative.nullable(),
  ofAchievable: nonNegative.nullable(),
})
export type SummaryRow = z.infer<typeof summaryRow>

/** Medians of the `direct` subjects, per measurement and window. */
export const baseline = z.strictObject({
  measurement: z.string(),
  window: z.string(),
  perPath: z.record(z.string(), nonNegative),
  bestPath: z.string(),
  bestBitsPerSecond: nonNegative,
  sumBitsPerSecond: nonNegative,
})
export type Baseline = z.infer<typeof baseline>

/** b − a, paired by repeat. */
export const comparison = z.strictObject({
  measurement: z.string(),
  window: z.string(),
  metric: metricName,
  a: z.string(),
  b: z.string(),
  difference: estimate,
  /** Differences smaller than this would not be seen. */
  detectionLimit: nonNegative,
  verdict: z.enum(['higher', 'lower', 'no difference detected', 'not a measurement']),
})
export type Comparison = z.infer<typeof comparison>

export const expectationResult = z.strictObject({
  /** As a sentence: `mptcp goodput (bulk/16) is at least 90 % of the sum`. */
  text: z.string(),
  status: z.enum(['passed', 'failed', 'unknown']),
  /** What was found, or why it is unknown. */
  detail: z.string(),
})
export type ExpectationResult = z.infer<typeof expectationResult>

export const guard = z.strictObject({
  name: z.enum(['calibration', 'headroom', 'spread', 'emulator']),
  ok: z.boolean(),
  detail: z.string(),
})
export type Guard = z.infer<typeof guard>

export const result = z.strictObject({
  schemaVersion: z.literal(RESULT_SCHEMA_VERSION),
  tool: z.strictObject({ name: z.string(), version: z.string(), commit: z.string().nullable(), dirty: z.boolean() }),
  scenario: z.strictObject({
    name: z.string(),
    description: z.string(),
    file: z.string(),
    sha256: z.string(),
    /** The ASCII drawing of the lab. */
    topology: z.string(),
  }),
  /** The command that repeats this run. */
  command: z.string(),
  seed: z.int(),
  startedAt: z.string(),
  finishedAt: z.string(),
  repeats: z.int().min(1),
  /** false below six repeats or after a failed guard: `whyNot` says why. */
  trusted: z.boolean(),
  whyNot: z.array(z.string()),
  interrupted: z.boolean(),
  shaper: z.strictObject({ backend: z.enum(['user', 'netem', 'none']), reason: z.string() }),
  paths: z.array(pathInfo),
  calibration: calibration.nullable(),
  environment,
  subjects: z.array(subjectInfo),
  measurements: z.array(measurement),
  samples: z.array(sample),
  summary: z.array(summaryRow),
  baselines: z.array(baseline),
  comparisons: z.array(comparison),
  expectations: z.array(expectationResult),
  guards: z.array(guard),
  /** The exit code that the run ended with. */
  exitCode: z.int(),
})
export type Result = z.infer<typeof result>
