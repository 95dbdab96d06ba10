/** What the machine was when the numbers were taken: without it nobody can say why two runs differ. */
import { readFileSync } from 'node:fs'
import os from 'node:os'
import { execa } from 'execa'
import type { Environment } from '../results/schema.js'

/** First line of a file, or null. */
function readLine(path: string): string | null {
  try {
    return readFileSync(path, 'utf8').split('\n')[0]?.trim() ?? null
  } catch {
    return null
  }
}

/** First non-empty line that a program prints, or null when it cannot be started. */
export async function versionLine(program: string, args: readonly string[]): Promise<string | null> {
  const result = await execa(program, args, { reject: false, stdin: 'ignore', timeout: 5000, all: true })
  if (result.exitCode === undefined) return null
  return (
    String(result.all ?? '')
      .split('\n')
      .map((line) => line.trim())
      .find(Boolean) ?? null
  )
}

const TOOLS: Readonly<Record<string, readonly string[]>> = {
  iperf3: ['--version'],
  ip: ['-V'],
  tc: ['-V'],
  nft: ['--version'],
  ethtool: ['--version'],
}

/** Settings that move results. */
const SYSCTLS = [
  'net.core.rmem_max',
  'net.core.wmem_max',
  'net.core.netdev_max_backlog',
  'net.core.default_qdisc',
  'net.ipv4.tcp_congestion_control',
  'net.ipv4.tcp_rmem',
  'net.ipv4.tcp_wmem',
  'net.mptcp.enabled',
  'net.mptcp.scheduler',
] as const

function osName(): string {
  const text = readLine('/etc/os-release') === null ? '' : readFileSync('/etc/os-release', 'utf8')
  return /^PRETTY_NAME="?([^"\n]*)/m.exec(text)?.[1] ?? 'unknown'
}

/** @param missing sentences about what this machine lacks and what is used instead */
export async function captureEnvironment(missing: readonly string[]): Promise<Environment> {
  const cpus = os.cpus()
  const tools = await Promise.all(
    Object.entries(TOOLS).map(async ([program, args]) => [program, await versionLine(program, args)] as const),
  )
  const sysctl = (key: string): string | null => readLine(`/proc/sys/${key.replaceAll('.', '/')}`)
  return {
    hostname: os.hostname(),
    kernel: os.release(),
    os: osName(),
    cpuModel: cpus[0]?.model ?? 'unknown',
    cpuCount: cpus.length,
    memoryBytes: os.totalmem(),
    governor: readLine('/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor'),
    clocksource: readLine('/sys/devices/system/clocksource/clocksource0/current_clocksource'),
    loadAverage: os.loadavg(),
    node: process.version,
    tools: Object.fromEntries(tools),
    sysctls: Object.fromEntries(SYSCTLS.map((key) => [key, sysctl(key)])),
    missing: [...missing],
  }
}
