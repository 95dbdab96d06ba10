/**
 * The mqvpn section of the README, word for word, on two hosts that have never seen mqvpn. Needs root.
 *
 *   client ── path a ── server ──── internet
 *
 * Each host has empty folders of its own where mqvpn keeps things (/etc/mqvpn, /var/lib, /run).
 */
import { expect } from 'chai'
import { readFileSync } from 'node:fs'
import { INTERNET } from '../../harness/lab/addressing.js'
import type { Host } from '../../harness/lab/host.js'
import type { HostProcess } from '../../harness/lab/process.js'
import { Judge } from './support/judge.js'
import { MAIN } from './support/mqvpn.js'
import { expectPings, ping } from './support/traffic.js'
import { TunnelLab } from './support/tunnel-lab.js'
import { until } from './support/until.js'

/** In the namespace of mounts that `ip netns exec` makes; the script of the user follows. */
const FRESH = `
for folder in /etc/mqvpn /var/lib /run; do [ ! -d $folder ] || mount -t tmpfs tmpfs $folder || exit 99; done
exec sh -c "$1"
`

const readme = readFileSync(new URL('../../README.md', import.meta.url), 'utf8')
/** The commands of the README's section, without the installation. */
const commands = [
  ...readme
    .slice(readme.indexOf('\n## mqvpn\n'))
    .split('\n## ')[1]!
    .matchAll(/^sudo (mqvpn .*)$/gm),
].map(([, command]) => command!.replace(/ +# .*$/, ''))

class Terminal {
  readonly lines: string[] = []
  readonly process: HostProcess

  /** @param script of a shell, in which `mqvpn` is ours; its last command takes the shell's place */
  constructor(host: Host, script: string) {
    const mqvpn = `mqvpn() { "${process.execPath}" "${MAIN}" "$@"; }`
    const [last = '', ...before] = script.split('\n').reverse()
    const exec = last.replace(/^mqvpn /, `exec "${process.execPath}" "${MAIN}" `)
    const whole = [mqvpn, ...before.reverse().map((line) => `${line} || exit`), exec].join('\n')
    this.process = host.spawn('sh', ['-c', FRESH, 'sh', whole], { name: 'mqvpn', role: 'subject' })
    this.process.onLine((line) => this.lines.push(line))
  }

  get text(): string {
    return this.lines.join('\n')
  }

  prints(what: RegExp): Promise<RegExpExecArray> {
    return until(
      `${String(what)} on the terminal`,
      () => {
        const found = what.exec(this.text)
        if (found === null && !this.process.running) throw new Error(`it ended before ${String(what)}:\n${this.text}`)
        return found
      },
      { explain: () => this.text },
    )
  }

  async interrupt(): Promise<number | null> {
    process.kill(this.process.pid, 'SIGINT')
    await this.process.exited
    return this.process.exit?.code ?? null
  }
}

describe('tunnel: a newcomer (root)', () => {
  let tunnel: TunnelLab
  before(async () => {
    tunnel = await TunnelLab.open()
    await tunnel.server.sysctl({ 'net.ipv4.ip_forward': 0 })
  })
  after(() => tunnel.close())
  afterEach(() => tunnel.stopAll())

  const forwarding = async () => (await tunnel.server.run('sysctl', ['-n', 'net.ipv4.ip_forward'])).stdout.trim()
  const rules = async () => (await tunnel.server.run('nft', ['list', 'ruleset'])).stdout.trim()
  const routes = async () => (await tunnel.client.run('sh', ['-c', 'ip route show table all; ip rule'])).stdout
  const reachesInternet = async () =>
    (await ping(tunnel.client, INTERNET.internet4, '-c', '1', '-W', '0.3')).received === 1

  it('finds two commands in the README: one for each side', () => {
    expect(commands).to.have.length(2)
    expect(commands[0]).to.equal('mqvpn server --invite')
    expect(commands[1]).to.match(/^mqvpn client 'mqvpn:\/\/.*'$/)
  })

  it('has a VPN to the internet after them, and two hosts as they were after Ctrl-C', async () => {
    const before = { routes: await routes(), rules: await rules() }
    expect(await reachesInternet()).to.equal(false)
    const server = new Terminal(tunnel.server, commands[0]!)
    const [, line = ''] = await server.prints(/^ {2}sudo (mqvpn client 'mqvpn:\/\/\S+#\S+')$/m)
    expect(server.text).to.match(/^listening: 0\.0\.0\.0:443 on mqvpn0, pin \w{64}$/m)
    // What goes to the internet of this host is the guess, and nobody has to correct it here.
    expect(line).to.include(`mqvpn://${INTERNET.server4}:443?pin=`)

    const client = new Terminal(tunnel.client, line)
    await client.prints(/^connected: 10\.0\.0\.2 via 198\.51\.100\.1:443/m)
    const key = line.split('#')[1]!.slice(0, -1)
    const cmdline = readFileSync(`/proc/${client.process.pid}/cmdline`, 'utf8')
    expect(cmdline).to.include('mqvpn client').and.not.include(key)
    const judge = await Judge.on(tunnel.lab.internet, 'eth0', 'in', 'icmp')
    await expectPings(tunnel.client, INTERNET.internet4)
    await judge.sees(new RegExp(`IP ${INTERNET.server4} > ${INTERNET.internet4}: ICMP echo request`))
    await server.prints(/client connected/)
    for (const terminal of [server, client])
      expect(terminal.text).not.to.match(/\b(error|warn)\b|fault|\bat .*:\d+:\d+/)
    expect(client.text).not.to.include(key)

    expect(await client.interrupt()).to.equal(130)
    expect(await routes()).to.equal(before.routes)
    expect(await server.interrupt()).to.equal(130)
    expect(await forwarding()).to.equal('0')
    expect(await rules()).to.equal(before.rules)
  })

  it('invites a user by name, who keeps a file and starts without any flag', async () => {
    const server = new Terminal(tunnel.server, `${commands[0]!} anna`)
    const [uri = ''] = await server.prints(/mqvpn:\/\/\S+#[\w+/=%]+/)
    const script = [
      `printf %s '${uri}' | mqvpn invite - --write /etc/mqvpn/client.conf`,
      'stat -c "%a %n" /etc/mqvpn/client.conf',
      'mqvpn client',
    ]
    // Where the host has no such folder, one is made in the namespace alone.
    const client = new Terminal(
      tunnel.client,
      ['mount -t tmpfs tmpfs /etc && mkdir -p /etc/mqvpn', ...script].join('\n'),
    )
    await client.prints(/^600 \/etc\/mqvpn\/client\.conf$/m)
    await client.prints(/^connected: 10\.0\.0\.2/m)
    await expectPings(tunnel.client, INTERNET.internet4)
    await server.prints(/client connected .*user=anna/)
    expect(await client.interrupt()).to.equal(130)
    expect(await server.interrupt()).to.equal(130)
  })

  it('is told what to do when the key is missing', async () => {
    const server = new Terminal(tunnel.server, 'mqvpn server')
    await server.process.exited
    expect(server.process.exit?.code).to.equal(2)
    expect(server.text)
      .to.match(/does not start without a key/)
      .and.to.match(/`mqvpn server --invite` does everything/)
  })
})
