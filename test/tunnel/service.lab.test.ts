/** mqvpn as a service, without systemd: what it tells its manager, metrics, and clients in the background. Needs root. */
import { existsSync, readFileSync, rmSync } from 'node:fs'
import { basename, join } from 'node:path'
import { expect } from 'chai'
import { packageRoot } from '../../common/package.js'
import type { HostProcess } from '../../harness/lab/process.js'
import { startTimeOf } from '../../vpn/service/process.js'
import type { Status } from '../../vpn/status/render.js'
import { MAIN } from './support/mqvpn.js'
import { expectPings } from './support/traffic.js'
import { INNER, OUTER, PORT, TunnelLab } from './support/tunnel-lab.js'
import { until } from './support/until.js'

/** What systemd does with NOTIFY_SOCKET: it reads datagrams. Node cannot; each becomes a line, its own ends as "; ". */
const MANAGER = `
  use Socket; $| = 1;
  socket(my $s, AF_UNIX, SOCK_DGRAM, 0) or die $!;
  bind($s, pack_sockaddr_un($ARGV[0])) or die $!;
  print "listening\\n";
  while (defined recv($s, my $text, 4096, 0)) { $text =~ s/\\n/; /g; print "$text\\n"; }
`

describe('tunnel: as a service (root)', () => {
  let tunnel: TunnelLab
  before(async () => {
    tunnel = await TunnelLab.open()
  })
  after(() => tunnel.close())
  afterEach(() => tunnel.stopAll())

  /** Starts something as a service whose manager listens, and gives what the manager hears. */
  async function watched(name: string, watchdogMs: number, start: () => void): Promise<string[]> {
    const socket = join(tunnel.directory, name)
    const heard: string[] = []
    const manager: HostProcess = tunnel.server.spawn('perl', ['-e', MANAGER, socket], { role: 'lab' })
    manager.onLine((line) => heard.push(line))
    await until('service manager', () => heard.includes('listening'))
    Object.assign(process.env, { NOTIFY_SOCKET: socket, WATCHDOG_USEC: `${watchdogMs * 1000}` })
    try {
      start()
    } finally {
      delete process.env['NOTIFY_SOCKET']
      delete process.env['WATCHDOG_USEC']
    }
    return heard
  }

  const times = (heard: string[], word: string): number => heard.filter((text) => text.includes(word)).length

  it('a server says when it listens, that it lives while it does, and that it stops', async () => {
    let server: ReturnType<TunnelLab['launchServer']> | null = null
    const heard = await watched('notify-server', 400, () => (server = tunnel.launchServer()))
    await until('READY=1', () => times(heard, 'READY=1') > 0, { explain: () => server!.text })
    expect(server!.said.some(({ event }) => event === 'listening')).to.equal(true)
    expect(heard.join('\n')).to.match(/READY=1; STATUS=listening on [\d.:]+, 0 of 64 clients; WATCHDOG=1/)
    await until('watchdog to be fed', () => times(heard, 'WATCHDOG=1') >= 4)

    // A process that is there and does nothing: what the watchdog is for.
    process.kill(server!.process.pid, 'SIGSTOP')
    const fed = times(heard, 'WATCHDOG=1')
    await new Promise((resolve) => setTimeout(resolve, 1000))
    expect(times(heard, 'WATCHDOG=1') - fed).to.be.at.most(1)
    process.kill(server!.process.pid, 'SIGCONT')
    await until('watchdog to be fed again', () => times(heard, 'WATCHDOG=1') > fed + 1)

    expect(await server!.terminate()).to.equal(0)
    expect(heard.at(-1)).to.equal('STOPPING=1; STATUS=closing')
    expect(times(heard, 'STOPPING=1')).to.equal(1)
  })

  it('a client is ready before it is connected, and says when it is', async () => {
    // Nobody listens there yet.
    const heard = await watched('notify-client', 400, () => tunnel.launchClient({ trust: ['--insecure'] }))
    await until('READY=1', () => times(heard, 'READY=1') > 0)
    expect(times(heard, 'connected: ')).to.equal(0)
    await tunnel.startServer()
    await until('connection', () => heard.find((text) => /STATUS=connected: 10\.77\.0\.2, fd77::2 via /.test(text)))
  })

  it('serves metrics of both sides: loopback in its namespace, and a socket', async () => {
    const socket = join(tunnel.directory, 'metrics.sock')
    await tunnel.startServer({}, '--metrics', `unix:${socket}`)
    await tunnel.connect({}, '--metrics', '9100')
    await expectPings(tunnel.client, INNER.server4)
    const scrape = async (host: typeof tunnel.client, ...args: string[]): Promise<Map<string, number>> => {
      const { stdout } = await host.run('curl', ['--silent', '--show-error', '--fail', ...args])
      const samples = stdout.split('\n').filter((line) => line !== '' && !line.startsWith('#'))
      return new Map(samples.map((line) => [line.replace(/ [^ ]+$/, ''), Number(line.split(' ').at(-1))]))
    }
    const client = await scrape(tunnel.client, 'http://127.0.0.1:9100/metrics')
    expect(client.get('mqvpn_connected')).to.equal(1)
    const rtt = [...client].find(([name]) => name.startsWith('mqvpn_path_rtt_seconds'))
    // Two ways of 5 ms each.
    expect(rtt?.[1]).to.be.within(0.01, 0.1)
    expect(client.get('mqvpn_tun_receive_packets_total{device="vpn"}')).to.be.greaterThan(0)

    const server = await scrape(tunnel.server, '--unix-socket', socket, 'http://localhost/metrics')
    expect(server.get('mqvpn_clients')).to.equal(1)
    const bytes = [...server].find(([name]) => name.startsWith('mqvpn_connection_receive_bytes_total'))
    expect(bytes?.[0]).to.include('user="(global)"')
    expect(bytes?.[1]).to.be.greaterThan(0)
    // Not from another host, which sees the same address as its own loopback.
    const { exitCode } = await tunnel.server.run('curl', ['--silent', 'http://127.0.0.1:9100/metrics'], {
      check: false,
    })
    expect(exitCode).not.to.equal(0)
  })

  it('both sides work with the rights that their systemd units give them, and no others', async () => {
    const rights = (unit: string): string[] => {
      const text = readFileSync(join(packageRoot(), 'service', unit), 'utf8')
      const held = /^CapabilityBoundingSet=(.+)$/m.exec(text)![1]!.split(' ')
      const names = held.map((name) => `+${name.replace(/^CAP_/, '').toLowerCase()}`)
      return ['--no-new-privs', '--bounding-set', ['-all', ...names].join(','), '--', process.execPath, MAIN]
    }
    const common = (side: string) => [
      ...[
        '--tun-name',
        'vpn',
        '--auth-key-file',
        tunnel.keyFile,
        '--control',
        join(tunnel.directory, `caps-${side}.sock`),
      ],
      ...['--state-dir', join(tunnel.directory, `caps-${side}`)],
    ]
    const lines: string[] = []
    const listen = ['--listen', `${OUTER.server4}:443`, '--subnet', INNER.subnet4, '--subnet6', INNER.subnet6]
    const server = tunnel.server.spawn(
      'setpriv',
      [...rights('mqvpn-server.service'), 'server', ...listen, ...common('server')],
      { role: 'subject' },
    )
    server.onLine((line) => lines.push(line))
    const explain = (): string => lines.join('\n')
    const pin = await until('listening server', () => /, pin (\w+)/.exec(explain())?.[1], { explain })
    // With an interface of its own: SO_BINDTODEVICE is what CAP_NET_RAW is for.
    const reach = ['--server', `${OUTER.server4}:443`, '--pin', pin, '--path', 'a']
    const client = tunnel.client.spawn(
      'setpriv',
      [...rights('mqvpn-client@.service'), 'client', ...reach, ...common('client')],
      { role: 'subject' },
    )
    client.onLine((line) => lines.push(line))
    await until('connection', () => lines.find((line) => line.startsWith('connected: ')), { explain })
    await expectPings(tunnel.client, INNER.server4)
    expect(explain()).not.to.match(/ (warn|error) /)
    expect(readFileSync(`/proc/${client.pid}/status`, 'utf8')).to.match(/^CapEff:\t0000000000003000$/m)
  })

  describe('in the background', () => {
    let file: string
    let places: { pid: string; log: string }

    beforeEach(() => {
      // Names are shared with the host that runs this test: folders are not part of a network namespace.
      const name = `lab${process.pid}`
      places = { pid: `/run/mqvpn/${name}.pid`, log: `/var/log/mqvpn/${name}.log` }
      file = join(tunnel.directory, `${name}.conf`)
    })
    afterEach(async () => {
      await tunnel.client.run(process.execPath, [MAIN, 'down', file], { check: false })
      for (const path of Object.values(places)) rmSync(path, { force: true })
    })

    function configure(pin: string): void {
      const socket = join(tunnel.directory, 'background.sock')
      tunnel.file(
        basename(file),
        `[Server]
Address = ${OUTER.server4}:${PORT}
Pin = ${pin}
[Interface]
TunName = vpn
ManageRoutes = false
ControlSocket = ${socket}
StateDir = ${join(tunnel.directory, 'background')}
[Auth]
KeyFile = ${tunnel.keyFile}
`,
      )
    }
    const mqvpn = (...args: string[]) => tunnel.client.run(process.execPath, [MAIN, ...args], { check: false })

    it('up waits for the connection, and down for the end; nothing is left', async () => {
      await tunnel.startServer()
      configure(tunnel.pin)
      const started = await mqvpn('up', file)
      expect(started.stdout).to.match(/^connected: 10\.77\.0\.2, fd77::2 via .* \(vpn, MTU \d+\), 1 path$/)
      expect(started.exitCode).to.equal(0)
      // The one who started it is gone, and it goes on.
      await expectPings(tunnel.client, INNER.server4)
      const { stdout } = await mqvpn('status', '--control', join(tunnel.directory, 'background.sock'), '--json')
      const { pid } = JSON.parse(stdout) as Status
      expect(JSON.parse(readFileSync(places.pid, 'utf8'))).to.include({ pid })

      const again = await mqvpn('up', file)
      expect(again.stdout).to.match(/is up already \(pid \d+\)\nconnected: /)

      const ended = await mqvpn('down', file)
      expect(ended).to.include({ exitCode: 0, stdout: `${basename(file, '.conf')} is down` })
      // Gone, but for its burial, where process 1 is slow with that.
      expect(startTimeOf(pid)).to.equal(null)
      expect(existsSync(places.pid)).to.equal(false)
      expect((await tunnel.client.run('ip', ['-o', 'link'])).stdout).not.to.include('vpn:')
    })

    it('up says why a client has failed, with its exit code', async () => {
      await tunnel.startServer()
      configure('00'.repeat(32))
      const { exitCode, stdout } = await mqvpn('up', file)
      expect(exitCode).to.equal(4)
      expect(stdout)
        .to.match(/certificate/)
        .and.to.match(/has not come up; its log is \/var\/log\/mqvpn\/lab/)
      expect(existsSync(places.pid)).to.equal(false)
    })
  })

  it('the doctor finds the links of this host, a taken port and no fault in a machine that works', async () => {
    const config = tunnel.file(
      'doctor.conf',
      `[Interface]\nListen = ${OUTER.server4}:${PORT}\n[Auth]\nKeyFile = ${tunnel.keyFile}\n`,
    )
    const ask = async () => {
      const { exitCode, stdout } = await tunnel.server.run(
        process.execPath,
        [MAIN, 'doctor', '--json', '--config', config],
        { check: false },
      )
      const { findings } = JSON.parse(stdout) as { findings: { check: string; level: string; says: string }[] }
      return { exitCode, of: (check: string) => findings.filter((one) => one.check === check) }
    }
    const fine = await ask()
    for (const check of ['addon', 'rights', 'tun', 'firewall', 'configuration', 'port']) {
      expect(
        fine.of(check).map(({ level }) => level),
        check,
      ).to.deep.equal(['ok'])
    }
    expect(fine.of('links')[0]!.says).to.match(/\ba 1500\b/)
    expect(fine.exitCode).to.equal(0)
    const other = tunnel.server.spawn(
      'perl',
      [
        '-e',
        `use IO::Socket::INET; $| = 1; my $s = IO::Socket::INET->new(Proto => "udp", LocalAddr => "${OUTER.server4}:${PORT}") or die $!; print "bound\\n"; sleep 1000`,
      ],
      { role: 'lab' },
    )
    let bound = false
    other.onLine((line) => (bound ||= line === 'bound'))
    await until('program that has the port', () => bound)
    const taken = await ask()
    expect(taken.of('port')[0]).to.include({ level: 'fail', says: `UDP port ${OUTER.server4}:${PORT} is in use` })
    expect(taken.exitCode).to.equal(1)
  })
})
