/** What a user's programs do in a tunnel: ping and iperf3. */
import { expect } from 'chai'
import type { Host } from '../../../harness/lab/host.js'
import { until } from './until.js'

export interface Pings {
  exitCode: number
  text: string
  sent: number
  received: number
  /** Round trips, ms. */
  times: number[]
}

/** `ping -n` with short intervals, to its end. */
export async function ping(host: Host, to: string, ...args: string[]): Promise<Pings> {
  const { exitCode, stdout, stderr } = await host.run('ping', ['-n', '-i', '0.02', '-W', '2', ...args, to], {
    check: false,
  })
  const counts = /(\d+) packets transmitted, (\d+) received/.exec(stdout)
  return {
    exitCode,
    text: `${stdout}\n${stderr}`,
    sent: Number(counts?.[1] ?? 0),
    received: Number(counts?.[2] ?? 0),
    times: [...stdout.matchAll(/time=([\d.]+)/g)].map((match) => Number(match[1])),
  }
}

/** Every one of a few pings comes back. */
export async function expectPings(host: Host, to: string, ...args: string[]): Promise<Pings> {
  const result = await ping(host, to, '-c', '5', ...args)
  expect(result.received, `${host.netns} → ${to} ${args.join(' ')}\n${result.text}`).to.equal(5)
  return result
}

/** Pings one after the other until one comes back. */
export async function untilPings(host: Host, to: string, deadlineMs?: number): Promise<void> {
  await until(
    `answer from ${to} in ${host.netns}`,
    async () => (await ping(host, to, '-c', '1')).received === 1,
    deadlineMs === undefined ? {} : { deadlineMs },
  )
}

/** No transfer of these tests takes as long; one that hangs must not hang the tests. */
const MOST_SECONDS = 30

interface Sum {
  bytes: number
  bits_per_second: number
  lost_percent?: number
  packets?: number
}

export interface Iperf {
  sent: Sum
  received: Sum
  /** What each interval carried. */
  intervals: Sum[]
}

/** One iperf3 from `client` to `server`, to its end; fails when iperf3 does, as when its TCP connection breaks. */
export async function iperf(client: Host, server: Host, to: string, ...args: string[]): Promise<Iperf> {
  return (await startIperf(client, server, to, ...args)).result
}

/** The same, running; it takes whole seconds. */
export async function startIperf(
  client: Host,
  server: Host,
  to: string,
  ...args: string[]
): Promise<{ result: Promise<Iperf> }> {
  const listener = server.spawn('iperf3', ['-s', '-1', '--forceflush'], { role: 'traffic' })
  let listens = false
  listener.onLine((line) => (listens ||= line.includes('Server listening')))
  await until('iperf3 server', () => listens, { explain: () => listener.tail() })
  const result = client
    .run('timeout', [String(MOST_SECONDS), 'iperf3', '-c', to, '-J', ...args], { check: false })
    .then(async ({ exitCode, stdout }) => {
      await listener.stop()
      const report = JSON.parse(stdout || '{}') as {
        error?: string
        intervals: { sum: Sum }[]
        end: Record<'sum_sent' | 'sum_received', Sum>
      }
      expect(exitCode, report.error ?? stdout).to.equal(0)
      const { sum_sent: sent, sum_received: received } = report.end
      return { sent, received, intervals: report.intervals.map(({ sum }) => sum) }
    })
  // The caller awaits it later; until then a failure must not count as one that nobody handles.
  result.catch(() => undefined)
  return { result }
}

/** Megabits per second, for sentences. */
export function mbit(bitsPerSecond: number): string {
  return `${(bitsPerSecond / 1e6).toFixed(1)} Mbit/s`
}
