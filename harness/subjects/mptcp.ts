/**
 * The kernel's Multipath TCP with its own path manager: every TCP connection of the load programs becomes an MPTCP
 * connection (`mptcpize run`) with one subflow per path. Not a VPN: it carries TCP only, encrypts nothing, and needs
 * MPTCP at both ends of each connection. It is the baseline that says what bonding can reach on these links.
 *
 *   client: endpoint per path (`ip mptcp endpoint add ADDRESS dev PATH subflow`)  ──  server: SERVER4, accepts subflows
 *
 * Limits to keep in mind when reading its results:
 * - The first subflow goes the way of the kernel's route; when that path is dead, a new connection waits for the
 *   kernel's SYN retries as any TCP connection does.
 * - The kernel itself neither removes nor adds an endpoint when a device goes down or an address changes. Deployments
 *   have a daemon for it (mptcpd, NetworkManager); `EndpointKeeper` stands in for it and reacts at once.
 */
import { readFileSync } from 'node:fs'
import { release } from 'node:os'
import { SERVER4 } from '../lab/addressing.js'
import { runChecked } from '../lab/host.js'
import { pathOf } from './direct.js'
import { EndpointKeeper } from './mptcp-endpoints.js'
import { until, untilPings } from './ready.js'
import type { RunningSubject, SubjectAdapter, SubjectContext, Unsupported } from './subject.js'
import { cannotRestart, missing } from './unsupported.js'
import type { Requirement } from './which.js'

export const requirements: readonly Requirement[] = [
  { program: 'mptcpize', package: 'mptcpize' },
  { program: 'ip', package: 'iproute2' },
  { program: 'ping', package: 'iputils-ping' },
]

const ENABLED = '/proc/sys/net/mptcp/enabled'
/** Additional subflows that the kernel's path manager can be told to allow (MPTCP_PM_ADDR_MAX). */
const MOST_SUBFLOWS = 8

export const mptcp: SubjectAdapter = {
  kind: 'mptcp',
  version: () => Promise.resolve(`Linux ${release()}`),
  supports: async () => missing(requirements) ?? (await missingMptcp()),
  cannot: (_spec, measurement) =>
    measurement.load?.kind === 'udp' ? 'MPTCP carries no UDP' : cannotRestart(measurement, 'mptcp'),
  start: startMptcp,
}

async function missingMptcp(): Promise<Unsupported | null> {
  try {
    readFileSync(ENABLED)
  } catch {
    return {
      status: 'unsupported',
      reason: 'this kernel has no MPTCP',
      remedy: 'boot a kernel that is built with CONFIG_MPTCP (5.6 or later)',
    }
  }
  const limits = await runChecked('this host', ['ip', 'mptcp', 'limits'], { check: false })
  if (limits.exitCode === 0) return null
  return {
    status: 'missing',
    reason: `\`ip mptcp limits\` fails: ${limits.stderr.trim()}`,
    remedy: 'install iproute2 5.8 or later',
  }
}

async function startMptcp({ lab, spec }: SubjectContext): Promise<RunningSubject> {
  const paths = spec.paths.map((name) => pathOf(lab.paths, name, spec.id))
  const { client, server } = lab
  const limits = ['mptcp', 'limits', 'set', 'subflows', `${MOST_SUBFLOWS}`, 'add_addr_accepted', '0']
  for (const host of [client, server]) {
    await host.sysctl({ 'net.mptcp.enabled': 1 })
    await host.run('ip', limits)
  }
  const keeper = await EndpointKeeper.start(client, paths)
  const first = paths[0]
  // The main table prefers the lab's first path. Another first path is chosen by its source address (policy rules).
  const preferred = [...lab.paths.values()].reduce((a, b) => (b.addresses.index < a.addresses.index ? b : a))

  return {
    endpoint: {
      serverAddress: SERVER4,
      get clientAddress() {
        return first === undefined || first === preferred ? null : first.client4
      },
      clientDevice: null,
      probeProtocol: 'tcp',
      wrap: ['mptcpize', 'run'],
    },
    processes: [],
    dead: () => null,
    ready: async (signal) => {
      const readiness = { subject: spec.id, processes: keeper.processes, signal }
      await until(() => keeper.complete, readiness)
      for (const path of paths) await untilPings(client, SERVER4, readiness, ['-I', path.client4])
    },
    stats: async () => ({
      client: { endpoints: await keeper.show(), counters: await counters() },
    }),
    restart: () => Promise.resolve(),
    stop: async () => {
      await keeper.stop()
      for (const host of [client, server]) {
        await host.run('ip', ['mptcp', 'limits', 'set', 'subflows', '2', 'add_addr_accepted', '0'], { check: false })
      }
    },
  }

  /** The client's MPTCP counters that are not zero: joins, resets, fallbacks. */
  async function counters(): Promise<Record<string, number>> {
    const { stdout } = await client.run('cat', ['/proc/net/netstat'], { check: false })
    return Object.fromEntries(Object.entries(parseNetstat(stdout, 'MPTcpExt')).filter(([, value]) => value !== 0))
  }
}

/** One group of /proc/net/netstat: a line of names, then a line of values. */
export function parseNetstat(text: string, group: string): Record<string, number> {
  const [names = [], values = []] = text
    .split('\n')
    .filter((line) => line.startsWith(`${group}: `))
    .map((line) => line.split(' ').slice(1))
  return Object.fromEntries(names.map((name, index) => [name, Number(values[index])]))
}
