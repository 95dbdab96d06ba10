/** Runs mqvpn-probe between two hosts. */
import { randomInt } from 'node:crypto'
import { join } from 'node:path'
import { BenchError, messageOf } from '../lab/errors.js'
import type { HostProcess } from '../lab/process.js'
import { programPath } from '../native.js'
import type { ProbeSpec } from '../scenario/types.js'
import { until } from '../subjects/ready.js'
import { nextPort } from './port.js'
import { readProbeRecords, type EndRecords } from './probe-records.js'
import type { ProbeRun, StartProbe, TrafficContext } from './types.js'

/** From the start of both ends until each has heard the other. */
const CONNECT_LIMIT_MS = 15_000
/** Header of the probe's own packet. */
const LEAST_BYTES = 32
const FILES = { client: 'probe-client.txt', server: 'probe-server.txt' } as const

export const startProbe: StartProbe = async (context, spec) => {
  const { endpoint, signal } = context
  // Stragglers of an earlier probe are told apart by it.
  const session = randomInt(2 ** 47)
  const port = nextPort()
  const end = (side: 'client' | 'server', args: string[]): ProbeEnd =>
    new ProbeEnd(context, side, spec, [...args, ...['--port', String(port), '--session', String(session)]])

  const server = end('server', ['serve', '--bind', endpoint.serverAddress])
  const ends = [server]
  try {
    await until(() => server.ready, { subject: 'probe', processes: [server.process], signal })
    const client = end('client', [
      ...['connect', '--to', endpoint.serverAddress],
      ...(endpoint.clientAddress === null ? [] : ['--bind', endpoint.clientAddress]),
      ...(endpoint.clientDevice === null ? [] : ['--device', endpoint.clientDevice]),
    ])
    ends.push(client)
    const processes = [client.process, server.process]
    await until(() => client.connected && server.connected, {
      subject: 'probe',
      processes,
      signal,
      limitMs: CONNECT_LIMIT_MS,
    })
    return new RunningProbe(spec, endpoint.probeProtocol, client, server)
  } catch (error) {
    await Promise.all(ends.map((one) => one.process.stop()))
    throw error
  }
}

class RunningProbe implements ProbeRun {
  readonly processes: readonly HostProcess[]
  #stopped: ReturnType<ProbeRun['stop']> | null = null

  constructor(
    readonly spec: ProbeSpec,
    readonly protocol: 'udp' | 'tcp',
    readonly client: ProbeEnd,
    readonly server: ProbeEnd,
  ) {
    this.processes = [client.process, server.process]
  }

  stop(): ReturnType<ProbeRun['stop']> {
    return (this.#stopped ??= this.#stop())
  }

  async #stop(): ReturnType<ProbeRun['stop']> {
    const [client, server] = await Promise.all([this.client.stop(), this.server.stop()])
    return { spec: this.spec, protocol: this.protocol, records: { client, server }, files: Object.values(FILES) }
  }
}

/** One end: says when it is ready and when it has heard the other one. */
class ProbeEnd {
  readonly process: HostProcess
  readonly #file: string
  ready = false
  connected = false

  constructor(context: TrafficContext, side: 'client' | 'server', spec: ProbeSpec, args: string[]) {
    this.#file = join(context.workDir, FILES[side])
    const [program = '', ...words] = [
      ...context.endpoint.wrap,
      programPath('mqvpn-probe'),
      ...args,
      ...['--interval-us', String(Math.round(spec.everyMs * 1000))],
      ...['--size', String(Math.max(LEAST_BYTES, spec.payloadBytes))],
      ...['--out', this.#file],
      ...(context.endpoint.probeProtocol === 'tcp' ? ['--tcp'] : []),
    ]
    this.process = context[side].spawn(program, words, { name: 'mqvpn-probe', role: 'lab' })
    this.process.onLine((line) => {
      this.ready ||= line.includes('"event":"ready"')
      this.connected ||= line.includes('"event":"connected"')
    })
  }

  /** Ends it and reads what it has written. */
  async stop(): Promise<EndRecords> {
    const { info } = this.process
    const exit = await this.process.stop()
    const failed = (why: string): BenchError => new BenchError(`probe on the ${info.side}: ${why}`)
    if (exit.code !== 0) {
      const how = exit.signal ?? `code ${exit.code ?? '?'}`
      throw failed(`ended with ${how}${this.process.tail() === '' ? '' : `: ${this.process.tail(3)}`}`)
    }
    const records = await readProbeRecords(this.#file).catch((error: unknown) => {
      throw failed(messageOf(error))
    })
    if (!records.complete) throw failed(`its records in ${this.#file} are not complete`)
    return records
  }
}
