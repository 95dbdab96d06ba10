/** The fixture's lab: paths, measurements, calibration, environment. */
import type { Calibration, DirectionSpec, Environment, Measurement, PathInfo } from '../../harness/results/schema.js'

const Mbit = 1e6
/** 1448 bytes of TCP payload in a 1514-byte frame. */
const TCP_SHARE = 1448 / 1514

function way(bitsPerSecond: number, delayMs: number): DirectionSpec {
  return {
    bitsPerSecond,
    trace: null,
    delayMs,
    jitterMs: 0,
    jitterReorders: false,
    loss: null,
    reorder: 0,
    duplicate: 0,
    queue: { bytes: Math.round((bitsPerSecond * delayMs * 2) / 8000) },
    aqm: 'droptail',
  }
}

function path(name: string, index: number, rate: number, delayMs: number): PathInfo {
  return {
    name,
    device: name,
    clientAddresses: [`10.77.${index}.1/24`],
    serverAddresses: [`10.77.${index}.2/24`],
    mtu: 1500,
    up: way(rate * Mbit, delayMs),
    down: way(rate * Mbit, delayMs),
  }
}

export const paths: readonly PathInfo[] = [path('a', 1, 300, 10), path('b', 2, 80, 30)]

const achievable = { perPath: { a: 300e6 * TCP_SHARE, b: 80e6 * TCP_SHARE }, sum: 380e6 * TCP_SHARE }

function bulk(streams: number): Measurement {
  return {
    id: `bulk/${streams}`,
    phase: 'bulk',
    label: `${streams} TCP ${streams === 1 ? 'stream' : 'streams'} up`,
    protocol: 'tcp',
    streams,
    direction: 'up',
    offeredBitsPerSecond: null,
    payloadBytes: null,
    durationMs: 10_000,
    omitMs: 2000,
    faults: [],
    windows: [{ name: 'healthy', startMs: 0, endMs: 10_000 }],
    achievable,
  }
}

function failover(broken: string): Measurement {
  return {
    ...bulk(4),
    id: `failover-${broken}/4`,
    phase: `failover-${broken}`,
    label: `path ${broken} goes down and comes back, 4 TCP streams up`,
    durationMs: 18_000,
    faults: [
      { atMs: 5000, verb: 'down', path: broken, label: `${broken}: down` },
      { atMs: 11_000, verb: 'up', path: broken, label: `${broken}: up` },
    ],
    windows: [
      { name: 'healthy', startMs: 0, endMs: 5000 },
      { name: 'degraded', startMs: 5000, endMs: 11_000 },
      { name: 'restored', startMs: 12_000, endMs: 18_000 },
    ],
  }
}

export const measurements: readonly Measurement[] = [bulk(1), bulk(4), bulk(16), failover('a'), failover('b')]

export function calibration(ok: boolean): Calibration {
  const entry = (name: string, way: 'up' | 'down', rate: number, delayMs: number): Calibration['entries'][number] => {
    const bad = !ok && name === 'b' && way === 'down'
    const measured = rate * Mbit * (bad ? 0.874 : way === 'up' ? 0.998 : 0.9965)
    return {
      path: name,
      direction: way,
      rate: {
        configuredBitsPerSecond: rate * Mbit,
        measuredBitsPerSecond: measured,
        error: measured / (rate * Mbit) - 1,
        ok: !bad,
      },
      delay: { configuredMs: delayMs, p50Ms: delayMs + 0.08, p99Ms: delayMs + 0.41, samples: 500, ok: true },
      loss: { configured: 0, measured: 0, sent: 5000, low: 0, high: 0.0014, ok: true },
      ok: !bad,
    }
  }
  return {
    ok,
    tolerance: { rate: 0.03, delayMs: 1 },
    probeJitter: { p50Ms: 0.02, p99Ms: 0.11 },
    entries: [
      entry('a', 'up', 300, 10),
      entry('a', 'down', 300, 10),
      entry('b', 'up', 80, 30),
      entry('b', 'down', 80, 30),
    ],
  }
}

export const environment: Environment = {
  hostname: 'bench-1',
  kernel: 'Linux 6.12.8-amd64',
  os: 'Debian GNU/Linux 13 (trixie)',
  cpuModel: 'AMD EPYC 7763 64-Core Processor',
  cpuCount: 4,
  memoryBytes: 16 * 2 ** 30,
  governor: 'performance',
  clocksource: 'tsc',
  loadAverage: [0.31, 0.22, 0.18],
  node: 'v20.20.2',
  tools: { iperf3: 'iperf 3.18', mptcpize: 'mptcpize 0.12', 'wireguard-go': null, ip: 'iproute2-6.15.0' },
  sysctls: {
    'net.ipv4.tcp_congestion_control': 'cubic',
    'net.core.rmem_max': '4194304',
    'net.mptcp.enabled': '1',
    'net.mptcp.scheduler': null,
  },
  missing: ['The kernel has no sch_netem: links are emulated by the user back end.'],
}

export const topology = [
  'client ──┬── a: 300 Mbit/s, 10 ms ──┬── server ── internet',
  '         └── b:  80 Mbit/s, 30 ms ──┘',
].join('\n')
