/**
 * Which DNS servers are asked, which way the queries go, and what is left of it: tcpdump is the judge. Needs root.
 *
 *   client  getent ── vpn ═══ path a ═══ server 10.77.0.1:53 ──── internet 198.51.100.2:53
 *                                        answers 192.0.2.1         answers 192.0.2.2
 */
import { chmodSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect } from 'chai'
import { packageRoot } from '../../common/package.js'
import { INTERNET, pathAddresses } from '../../harness/lab/addressing.js'
import type { Host } from '../../harness/lab/host.js'
import type { HostProcess } from '../../harness/lab/process.js'
import { dnsRoutes } from '../../vpn/host/dns.js'
import { untilPings } from './support/traffic.js'
import { DEVICE, INNER, TunnelLab } from './support/tunnel-lab.js'
import { until } from './support/until.js'

const ANSWERS = { tunnel: '192.0.2.1', internet: '192.0.2.2' } as const
/** On the path itself, where nobody answers. */
const LAST = pathAddresses(1).server4
const HOLDER = join(packageRoot(), 'test', 'tunnel', 'support', 'dns-holder.ts')

/** Answers every question for an A record with one address, and others with nothing. */
const RESPONDER = `
const [address, ...servers] = process.argv.slice(1)
for (const server of servers) {
  const socket = require('node:dgram').createSocket(server.includes(':') ? 'udp6' : 'udp4')
  socket.on('message', (query, from) => {
    const end = query.indexOf(0, 12) + 5
    const isA = query.readUInt16BE(end - 4) === 1
    const head = Buffer.from(query.subarray(0, 12))
    head.writeUInt16BE(0x8180, 2)
    for (const [at, count] of [[4, 1], [6, isA ? 1 : 0], [8, 0], [10, 0]]) head.writeUInt16BE(count, at)
    const answer = Buffer.from([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 0, 0, 4, ...address.split('.').map(Number)])
    socket.send(Buffer.concat([head, query.subarray(12, end), ...(isA ? [answer] : [])]), from.port, from.address)
  })
  socket.bind(53, server, () => console.log('listens'))
}`

/** What tcpdump has seen of DNS on a device. */
class Judge {
  readonly seen: string[] = []
  readonly #process: HostProcess
  #ready = false

  private constructor(host: Host, device: string) {
    const argv = ['--immediate-mode', '-l', '-nn', '-i', device, 'port 53 or port 853']
    this.#process = host.spawn('tcpdump', argv, { role: 'traffic' })
    this.#process.onLine((line) => {
      if (line.startsWith('listening on')) this.#ready = true
      else if (/ IP6? /.test(line)) this.seen.push(line)
    })
  }

  static async on(host: Host, device: string): Promise<Judge> {
    const judge = new Judge(host, device)
    await until(`tcpdump on ${device}`, () => judge.#ready, { explain: () => judge.#process.tail() })
    return judge
  }

  /**
   * Everything on the path until now: a packet that it has to see ends the wait, so that a tcpdump which is slow, or sees
   * nothing at all, does not pass for silence.
   */
  async outside(client: Host): Promise<string[]> {
    const isLast = (line: string): boolean => line.includes(`> ${LAST}.53:`)
    await client.run('bash', ['-c', `echo last > /dev/udp/${LAST}/53`])
    await until('last packet', () => this.seen.some(isLast), { explain: () => this.#process.tail() })
    return this.seen.filter((line) => !isLast(line))
  }

  get queries(): string[] {
    return this.seen.filter((line) => / A\? /.test(line))
  }
}

describe('tunnel: DNS (root)', () => {
  let tunnel: TunnelLab
  let file: string
  let theirs: string
  let journals: string
  let names = 0

  before(async () => {
    tunnel = await TunnelLab.open()
    const { client, server, lab } = tunnel
    file = `/etc/netns/${client.netns}/resolv.conf`
    theirs = readFileSync(file, 'latin1')
    journals = join(tunnel.directory, 'run')
    mkdirSync(journals)
    await server.sysctl({ 'net.ipv4.ip_forward': 1, 'net.ipv6.conf.all.forwarding': 1 })
    await lab.internet.ip(
      `route add default via ${INTERNET.server4}`,
      `route add default via ${INTERNET.server6} dev eth0`,
    )
  })
  after(() => tunnel.close())
  afterEach(async () => {
    await tunnel.stopAll()
    writeFileSync(file, theirs)
  })

  /** What a program on the client gets for a name that was never asked before. */
  const lookUp = async (): Promise<string | undefined> => {
    const { stdout } = await tunnel.client.run('getent', ['ahostsv4', `name${++names}.example.com`], { check: false })
    return /^\S+/.exec(stdout)?.[0]
  }

  async function answer(host: Host, address: string, ...servers: string[]): Promise<void> {
    const responder = host.spawn(process.execPath, ['-e', RESPONDER, address, ...servers], { role: 'traffic' })
    let listening = 0
    responder.onLine((line) => {
      if (line === 'listens') listening += 1
    })
    await until('DNS server', () => listening === servers.length, { explain: () => responder.tail() })
  }

  const answerInternet = () => answer(tunnel.lab.internet, ANSWERS.internet, INTERNET.internet4, INTERNET.internet6)

  async function connect(): Promise<void> {
    await tunnel.startServer()
    await tunnel.connect()
    await untilPings(tunnel.client, INNER.server4)
  }

  const holder = (...args: string[]): [string, string[]] => [
    process.execPath,
    ['--import=tsx', HOLDER, args[0]!, journals, DEVICE, ...args.slice(1)],
  ]

  const hold = (...servers: string[]) => start('hold', ...servers)

  /** The process that runs, and what it has said. */
  async function start(verb: string, ...servers: string[]): Promise<{ process: HostProcess; said: string[] }> {
    const held = tunnel.client.spawn(...holder(verb, ...servers), { role: 'subject' })
    const said: string[] = []
    held.onLine((line) => said.push(line))
    await until('DNS servers in place', () => said.includes('held') || !held.running, {
      explain: () => said.join('\n'),
    })
    expect(said, said.join('\n')).to.include('held')
    return { process: held, said }
  }

  const stateOf = () => {
    const { ino, mode, uid, gid, mtimeMs } = statSync(file)
    return { content: readFileSync(file, 'latin1'), ino, mode, uid, gid, mtimeMs }
  }

  /** One with everything that could get lost. */
  function special(): ReturnType<typeof stateOf> {
    writeFileSync(file, `${theirs}# \xe9\xff, without an end of line\noptions timeout:1`, 'latin1')
    chmodSync(file, 0o640)
    utimesSync(file, 1_600_000_000, 1_700_000_000.5)
    return stateOf()
  }

  it('without it, queries go outside: this is what the other tests would see', async () => {
    await answerInternet()
    await connect()
    const outside = await Judge.on(tunnel.client, 'a')
    expect(await lookUp()).to.equal(ANSWERS.internet)
    expect(await outside.outside(tunnel.client)).to.not.deep.equal([])
  })

  for (const server of [INNER.server4, INNER.server6]) {
    it(`asks ${server} through the tunnel, and nobody outside`, async () => {
      await answerInternet()
      await connect()
      await answer(tunnel.server, ANSWERS.tunnel, INNER.server4, INNER.server6)
      const outside = await Judge.on(tunnel.client, 'a')
      const inside = await Judge.on(tunnel.client, DEVICE)
      await hold(server)
      for (let round = 0; round < 10; round++) expect(await lookUp()).to.equal(ANSWERS.tunnel)
      await until('queries inside', () => inside.queries.length >= 10)
      expect(await outside.outside(tunnel.client)).to.deep.equal([])
    })
  }

  it('asks a server behind the tunnel by the routes that it names, and nobody outside', async () => {
    await answerInternet()
    await connect()
    const servers = [INTERNET.internet4, INTERNET.internet6]
    // What the client's routes are to contain. These two were asked outside until now.
    await tunnel.client.ip(...dnsRoutes(servers).map((route) => `route add ${route} dev ${DEVICE}`))
    const outside = await Judge.on(tunnel.client, 'a')
    const inside = await Judge.on(tunnel.client, DEVICE)
    for (const server of servers) {
      const { process: held } = await hold(server)
      expect(await lookUp()).to.equal(ANSWERS.internet)
      await until('query inside', () => inside.queries.some((line) => line.includes(`> ${server}.53:`)))
      process.kill(held.pid, 'SIGTERM')
      await held.exited
    }
    expect(await outside.outside(tunnel.client)).to.deep.equal([])
  })

  it('is in place again after a DHCP client has written the file, whose version is what comes back', async () => {
    await answerInternet()
    await connect()
    await answer(tunnel.server, ANSWERS.tunnel, INNER.server4)
    const { process: held, said } = await hold(INNER.server4)
    const newer = `# from DHCP\nnameserver ${INTERNET.internet4}\noptions timeout:2\n`
    // Through the bind mount, as programs in this namespace see it.
    await tunnel.client.run('sh', ['-c', `printf '%s' '${newer}' > /etc/resolv.conf`])
    await until('DNS servers in place again', () => said.some((line) => line.includes('are in it again')))
    const outside = await Judge.on(tunnel.client, 'a')
    expect(await lookUp()).to.equal(ANSWERS.tunnel)
    expect(await outside.outside(tunnel.client)).to.deep.equal([])
    process.kill(held.pid, 'SIGKILL')
    await held.exited
    const { stdout } = await tunnel.client.run(...holder('recover'))
    expect(stdout).to.contain('recovered dns')
    expect(readFileSync(file, 'latin1')).to.equal(newer)
  })

  for (const how of ['SIGTERM', 'SIGKILL and recovery'] as const) {
    it(`after ${how} resolv.conf is what it was: bytes, inode, mode, owner and time`, async () => {
      const before = special()
      const { process: held } = await hold('192.0.2.53')
      expect(readFileSync(file, 'latin1')).to.match(/^nameserver 192\.0\.2\.53$/m)
      expect(readdirSync(journals)).to.have.length(1)
      process.kill(held.pid, how === 'SIGTERM' ? 'SIGTERM' : 'SIGKILL')
      await held.exited
      if (how !== 'SIGTERM') {
        expect(readFileSync(file, 'latin1')).to.contain('written by mqvpn')
        expect((await tunnel.client.run(...holder('recover'))).stdout).to.contain('recovered dns')
        expect((await tunnel.client.run(...holder('recover'))).stdout).to.not.contain('dns')
      }
      expect(stateOf()).to.deep.equal(before)
      expect(readdirSync(journals)).to.deep.equal([])
    })
  }

  it('comes back whole whenever the process is killed, in the middle of writing too', async () => {
    const before = special()
    let undone = 0
    for (let round = 0; round < 10; round++) {
      const { process: flickering } = await start('flicker', '192.0.2.53')
      // Rounds of it take about a millisecond: the moment is a random one.
      await sleep(Math.random() * 20)
      process.kill(flickering.pid, 'SIGKILL')
      await flickering.exited
      if ((await tunnel.client.run(...holder('recover'))).stdout.includes('recovered dns')) undone += 1
      expect(stateOf(), `round ${round}`).to.deep.equal(before)
      // A note that was being written when the process was killed is under another name, and nobody's.
      const left = readdirSync(journals)
      expect(left.filter((name) => name.endsWith('.json'))).to.deep.equal([])
      for (const half of left) rmSync(join(journals, half))
    }
    console.log(`      in ${undone} of 10 rounds something was in place when it was killed`)
    expect(undone).to.be.greaterThan(0)
  })

  /** Runs it in a mount namespace of its own (`ip netns exec` makes one), after these commands. */
  async function refusal(prepare: string): Promise<string> {
    const [program, args] = holder('hold', '192.0.2.53')
    const script = `set -e; ${prepare}; exec "$0" "$@"`
    const { stdout, exitCode } = await tunnel.client.run('sh', ['-c', script, program, ...args], { check: false })
    expect(exitCode).to.equal(1)
    return stdout
  }

  it('refuses a file that is mounted read-only, and changes nothing', async () => {
    const before = special()
    expect(await refusal('mount -o remount,bind,ro /etc/resolv.conf')).to.match(
      /refused: \/etc\/resolv\.conf cannot be written: it is on a file system that is mounted read-only; or leave out --dns/,
    )
    expect(stateOf()).to.deep.equal(before)
    expect(readdirSync(journals)).to.deep.equal([])
  })

  it('refuses an immutable file, and changes nothing', async function () {
    const before = special()
    const { exitCode, stderr } = await tunnel.client.run('chattr', ['+i', file], { check: false })
    if (exitCode !== 0) {
      console.log(`      skipped: ${stderr.trim()}`)
      return this.skip()
    }
    try {
      expect(await refusal('true')).to.match(/refused: .* cannot be written: it is immutable.*`chattr -i /)
    } finally {
      await tunnel.client.run('chattr', ['-i', file])
    }
    expect(stateOf()).to.deep.equal(before)
    expect(readdirSync(journals)).to.deep.equal([])
  })

  it('takes back what did not fit on a full file system', async () => {
    // One page, of which the original takes most.
    const folder = join(tunnel.directory, 'small')
    mkdirSync(folder)
    const original = `nameserver 192.0.2.99\n${'# much\n'.repeat(500)}`
    writeFileSync(join(tunnel.directory, 'large.conf'), original)
    const prepare = [
      `mount -t tmpfs -o size=4k none ${folder}`,
      `cp ${join(tunnel.directory, 'large.conf')} ${folder}/resolv.conf`,
      `mount --bind ${folder}/resolv.conf /etc/resolv.conf`,
    ]
    const [program, args] = holder('hold', '192.0.2.53')
    const script = `set -e; ${prepare.join('; ')}; "$0" "$@" || true; cat /etc/resolv.conf`
    const { stdout } = await tunnel.client.run('sh', ['-c', script, program, ...args])
    const [said, ...rest] = stdout.split('\n')
    expect(said).to.match(/^refused: \/etc\/resolv\.conf cannot be written: its file system is full; make room/)
    expect(`${rest.join('\n')}\n`).to.equal(original)
    expect(readdirSync(journals)).to.deep.equal([])
  })
})
