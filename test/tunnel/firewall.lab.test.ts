/**
 * A server's address translation and the client's kill switch with the real nft: tcpdump judges what leaves, and what is
 * left behind is compared byte by byte. Needs root.
 *
 *   lan ── veth ── client ── path a ── server ──── internet
 */
import { mkdirSync, readdirSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { join } from 'node:path'
import { expect } from 'chai'
import { INTERNET } from '../../harness/lab/addressing.js'
import { Host, runChecked } from '../../harness/lab/host.js'
import type { HostProcess } from '../../harness/lab/process.js'
import type { Changes } from './support/firewall-holder.js'
import { Judge } from './support/judge.js'
import { expectPings, ping, untilPings } from './support/traffic.js'
import { DEVICE, INNER, OUTER, PORT, TunnelLab } from './support/tunnel-lab.js'
import { until } from './support/until.js'

const HOLDER = fileURLToPath(new URL('support/firewall-holder.ts', import.meta.url))
/** What an administrator may have, and wants to find again. With `ct` in it the kernel follows connections from the start. */
const THEIRS = `
table inet theirs {
  set some { type ipv4_addr; elements = { 192.0.2.1, 192.0.2.7 } }
  chain input {
    type filter hook input priority filter; policy accept;
    ct state untracked accept
    ip saddr @some counter packets 0 bytes 0 drop
  }
}
`
const NAT = { tunName: DEVICE, subnet: INNER.subnet4, subnet6: INNER.subnet6 }
const KILL = {
  tunName: DEVICE,
  servers: [
    { address: OUTER.server4, port: PORT },
    { address: OUTER.server6, port: PORT },
  ],
  paths: [] as string[],
}
const LAN = { client4: '192.168.77.1', lan4: '192.168.77.2', client6: 'fd00:77::1', lan6: 'fd00:77::2' } as const
describe('tunnel: firewall (root)', () => {
  let tunnel: TunnelLab
  let lan: Host
  let journals: string

  before(async () => {
    tunnel = await TunnelLab.open()
    const { client, server, lab } = tunnel
    journals = join(tunnel.directory, 'run')
    mkdirSync(journals)
    await lab.internet.ip(
      `route add default via ${INTERNET.server4}`,
      `route add default via ${INTERNET.server6} dev eth0`,
    )
    lan = new Host('client', `${lab.id}-lan`)
    lab.record.ownsNetns(lan.netns)
    await runChecked('lab', ['ip', 'netns', 'add', lan.netns])
    await client.ip(
      `link add lan0 type veth peer name eth0 netns ${lan.netns}`,
      'link set dev lan0 up',
      `address add ${LAN.client4}/24 dev lan0`,
      `address add ${LAN.client6}/64 dev lan0 nodad`,
    )
    await lan.ip(
      'link set dev lo up',
      'link set dev eth0 up',
      `address add ${LAN.lan4}/24 dev eth0`,
      `address add ${LAN.lan6}/64 dev eth0 nodad`,
      `route add default via ${LAN.client4}`,
      `route add default via ${LAN.client6} dev eth0`,
    )
    await client.sysctl({ 'net.ipv4.ip_forward': 1, 'net.ipv6.conf.all.forwarding': 1 })
    // As a careful administrator has it: what switching forwarding on and off would not leave alone.
    await server.sysctl({
      'net.ipv4.ip_forward': 0,
      'net.ipv6.conf.all.forwarding': 0,
      'net.ipv4.conf.all.accept_redirects': 0,
      'net.ipv4.conf.lo.forwarding': 1,
      'net.ipv6.conf.default.accept_ra': 1,
      [`net/ipv6/conf/${INTERNET.device}/forwarding`]: 1,
    })
    for (const host of [client, server]) await host.run('nft', ['-f', '-'], { input: THEIRS })
  })
  after(async () => {
    if (lan) await Promise.all(lan.processes.map((process) => process.stop()))
    await tunnel.close()
  })
  afterEach(async () => {
    await Promise.all(lan.processes.map((process) => process.stop()))
    await tunnel.stopAll()
    for (const host of [tunnel.client, tunnel.server]) await recover(host)
  })

  const argv = (verb: string, changes: Changes, ...more: string[]): [string, string[]] => [
    process.execPath,
    ['--import=tsx', HOLDER, verb, journals, DEVICE, JSON.stringify(changes), ...more],
  ]

  async function recover(host: Host): Promise<string> {
    return (await host.run(...argv('recover', {}))).stdout.trim()
  }

  async function hold(host: Host, changes: Changes): Promise<HostProcess> {
    const held = host.spawn(...argv('hold', changes), { role: 'subject' })
    const said: string[] = []
    held.onLine((line) => said.push(line))
    await until('changes', () => said.includes('held') || !held.running, { explain: () => said.join('\n') })
    expect(said, said.join('\n')).to.include('held')
    return held
  }

  async function end(held: HostProcess, signal: 'SIGTERM' | 'SIGKILL'): Promise<void> {
    process.kill(held.pid, signal)
    await held.exited
  }

  /** Every rule, and every setting of IP in this namespace. */
  async function stateOf(host: Host): Promise<string> {
    const { stdout: rules } = await host.run('nft', ['list', 'ruleset'])
    // Some settings can only be written; what differs by itself is left out.
    const read =
      'grep -r . /proc/sys/net/ipv4 /proc/sys/net/ipv6 2>/dev/null | grep -v "/route/gc_\\|tcp_mem\\|udp_mem" | sort'
    const { stdout: settings } = await host.run('sh', ['-c', read])
    expect(settings).to.contain('/proc/sys/net/ipv4/ip_forward:').and.to.contain('conf/all/accept_redirects:')
    return `${rules}\n${settings}`
  }

  /** UDP by bash, which needs no answer. */
  const udp = (host: Host, to: string, port: number) =>
    host.run('bash', ['-c', `echo x > /dev/udp/${to}/${port}`], { check: false })
  const tcp = (host: Host, to: string, port: number) =>
    host.run('timeout', ['0.4', 'bash', '-c', `: < /dev/tcp/${to}/${port}`], { check: false })

  describe('address translation', () => {
    /** A tunnel, by which the client reaches the internet's address. */
    async function connect(): Promise<void> {
      await tunnel.startServer()
      await tunnel.connect()
      await untilPings(tunnel.client, INNER.server4)
      await tunnel.client.ip(
        `route replace ${INTERNET.internet4}/32 dev ${DEVICE}`,
        `route replace ${INTERNET.internet6}/128 dev ${DEVICE}`,
      )
    }

    it('carries clients to the internet under the server’s address, and not without it', async () => {
      await connect()
      for (const to of [INTERNET.internet4, INTERNET.internet6]) {
        expect((await ping(tunnel.client, to, '-c', '1', '-W', '0.3')).received, to).to.equal(0)
      }
      const there = await Judge.on(tunnel.lab.internet, 'eth0', 'in')
      const held = await hold(tunnel.server, { nat: NAT, forwarding: { ipv6: true } })
      await expectPings(tunnel.client, INTERNET.internet4)
      await expectPings(tunnel.client, INTERNET.internet6)
      await there.sees(new RegExp(`IP ${INTERNET.server4} > ${INTERNET.internet4}: ICMP echo request`))
      await there.sees(new RegExp(`IP6 ${INTERNET.server6} > ${INTERNET.internet6}: ICMP6, echo request`))
      const inner = /10\.77\.0\.|fd77::/
      expect(there.seen.filter((line) => inner.test(line))).to.deep.equal([])
      await end(held, 'SIGTERM')
      expect((await ping(tunnel.client, INTERNET.internet4, '-c', '1', '-W', '0.3')).received).to.equal(0)
    })

    it('tells of another firewall that drops what is forwarded, and not once that has the rule', async () => {
      const theirs = 'table ip filter { chain FORWARD { type filter hook forward priority filter; policy drop; }; }\n'
      await tunnel.server.run('nft', ['-f', '-'], { input: theirs })
      try {
        const warning = `iptables -I FORWARD -i ${DEVICE} -j ACCEPT`
        const told = await hold(tunnel.server, { nat: NAT })
        await until('warning', () => told.tail().includes(warning), { explain: () => told.tail() })
        await end(told, 'SIGTERM')
        await tunnel.server.run('nft', ['add', 'rule', 'ip', 'filter', 'FORWARD', 'iifname', DEVICE, 'accept'])
        const quiet = await hold(tunnel.server, { nat: NAT })
        expect(quiet.tail()).to.not.contain('another firewall')
      } finally {
        await tunnel.server.run('nft', ['delete', 'table', 'ip', 'filter'])
      }
    })

    it('lets TCP know how large segments may be in the tunnel, in both directions', async () => {
      await connect()
      await hold(tunnel.server, { nat: NAT, forwarding: { ipv6: true } })
      const { stdout } = await tunnel.server.run('cat', [`/sys/class/net/${DEVICE}/mtu`])
      const room = Number(stdout) - 40
      const server = 'require("net").createServer((s) => s.end()).listen(8080, "::", () => console.log("listens"))'
      const listener = tunnel.lab.internet.spawn(process.execPath, ['-e', server], { role: 'traffic' })
      let listens = false
      listener.onLine((line) => (listens ||= line === 'listens'))
      await until('TCP server', () => listens, { explain: () => listener.tail() })
      // What it announces is not small by itself, or this would show nothing.
      const before = await Judge.on(tunnel.lab.internet, 'eth0', 'out', 'tcp')
      const asked = await Judge.on(tunnel.lab.internet, 'eth0', 'in', 'tcp')
      const answered = await Judge.on(tunnel.server, DEVICE, 'out', 'tcp')
      await tcp(tunnel.client, INTERNET.internet4, 8080)
      const mss = (line: string) => Number(/mss (\d+)/.exec(line)?.[1])
      expect(mss(await before.sees(/Flags \[S\.\]/))).to.be.greaterThan(room)
      expect(mss(await answered.sees(/Flags \[S\.\]/))).to.be.at.most(room)
      expect(mss(await asked.sees(/Flags \[S\]/))).to.be.at.most(room)
    })
  })

  describe('kill switch', () => {
    /** From here, everything that an application might send past a tunnel. */
    async function tryToLeak(): Promise<void> {
      const { client } = tunnel
      const targets = [OUTER.server4, OUTER.server6, INTERNET.internet4, INTERNET.internet6]
      await Promise.all(
        targets.flatMap((to) => [
          ping(client, to, '-c', '2', '-W', '0.2'),
          ping(lan, to, '-c', '2', '-W', '0.2'),
          ...[53, 853, PORT + 1].flatMap((port) => [udp(client, to, port), udp(lan, to, port)]),
          // The server's own port, but not its packets.
          ...[53, PORT, 443].map((port) => tcp(client, to, port)),
          udp(lan, to, PORT),
        ]),
      )
      for (const to of [INTERNET.internet4, INTERNET.internet6]) await udp(client, to, PORT)
    }

    /** All that left until now but the packets that must, which prove that tcpdump sees what leaves, and what passes. */
    async function leaks(judge: Judge): Promise<string[]> {
      const passed: RegExp[] = []
      for (const to of [OUTER.server4, OUTER.server6]) {
        const last = new RegExp(`> ${to}\\.${PORT}: UDP`)
        await udp(tunnel.client, to, PORT)
        await judge.sees(last)
        passed.push(last)
      }
      return judge.seen.filter((line) => !passed.some((one) => one.test(line)))
    }

    const everywhere = async () => Promise.all(['a', 'lan0'].map((device) => Judge.on(tunnel.client, device)))

    it('is needed: without it every one of these leaves', async () => {
      const judge = await Judge.on(tunnel.client, 'a')
      await tryToLeak()
      await judge.sees(new RegExp(`IP ${LAN.lan4}.* > `))
      await judge.sees(new RegExp(`IP6 ${LAN.lan6}.* > `))
      for (const to of [OUTER.server4, OUTER.server6, INTERNET.internet4, INTERNET.internet6]) {
        await judge.sees(new RegExp(`> ${to}: ICMP`))
        await judge.sees(new RegExp(`> ${to}\\.53: (?!Flags)`))
        await judge.sees(new RegExp(`> ${to}\\.${PORT}: Flags \\[S\\]`))
      }
    })

    it('lets nothing out without a tunnel, of this host and of those behind it, but to the server’s port', async () => {
      await hold(tunnel.client, { kill: KILL })
      const [path, toLan] = await everywhere()
      await tryToLeak()
      expect(await leaks(path!)).to.deep.equal([])
      expect(toLan!.seen).to.deep.equal([])
    })

    it('cuts what was connected before', async () => {
      const { client } = tunnel
      for (const to of [OUTER.server4, OUTER.server6])
        client.spawn('ping', ['-n', '-i', '0.02', to], { role: 'traffic' })
      const before = await Judge.on(client, 'a')
      await before.sees(/ICMP echo request/)
      await before.sees(/ICMP6, echo request/)
      await hold(client, { kill: KILL })
      const after = await Judge.on(client, 'a')
      await tryToLeak()
      expect(await leaks(after)).to.deep.equal([])
    })

    it('lets the tunnel and what goes through it pass, on a path that is named', async () => {
      await hold(tunnel.client, { kill: { ...KILL, paths: ['a'] } })
      const judge = await Judge.on(tunnel.client, 'a')
      await tunnel.startServer()
      const client = await tunnel.connect()
      await untilPings(tunnel.client, INNER.server4)
      await expectPings(tunnel.client, INNER.server6)
      await tryToLeak()
      await client.terminate()
      expect(await leaks(judge)).to.deep.equal([])
    })

    it('does not let the server be reached from other devices than those that are named', async () => {
      await hold(tunnel.client, { kill: { ...KILL, servers: [{ address: LAN.lan4, port: PORT }], paths: ['a'] } })
      const toLan = await Judge.on(tunnel.client, 'lan0')
      await udp(tunnel.client, LAN.lan4, PORT)
      await tunnel.client.run(
        ...argv('allow', { kill: { ...KILL, servers: [{ address: LAN.lan4, port: PORT + 1 }], paths: ['lan0'] } }),
      )
      // What was allowed before is so no longer; the last one proves that tcpdump sees what leaves.
      await udp(tunnel.client, LAN.lan4, PORT)
      await udp(tunnel.client, LAN.lan4, PORT + 1)
      await toLan.sees(new RegExp(`> ${LAN.lan4}\\.${PORT + 1}: UDP`))
      expect(toLan.seen).to.have.length(1)
    })

    it('stays when its process is killed, and is lifted by recovery', async () => {
      const held = await hold(tunnel.client, { kill: KILL })
      await end(held, 'SIGKILL')
      const judge = await Judge.on(tunnel.client, 'a')
      await tryToLeak()
      expect(await leaks(judge)).to.deep.equal([])
      expect(await recover(tunnel.client)).to.equal('recovered kill-switch')
      expect((await ping(tunnel.client, OUTER.server4, '-c', '1')).received).to.equal(1)
    })
  })

  describe('what is left', () => {
    const ALL: Changes = { kill: KILL, nat: NAT, forwarding: { ipv6: true } }

    for (const how of ['SIGTERM', 'SIGKILL and recovery'] as const) {
      it(`is nothing after ${how}: rules and settings are the same bytes`, async () => {
        const before = await stateOf(tunnel.server)
        const held = await hold(tunnel.server, ALL)
        const { stdout } = await tunnel.server.run('sysctl', ['net.ipv6.conf.default.accept_ra'])
        expect(stdout).to.match(/= 2$/m)
        expect(await stateOf(tunnel.server)).to.not.equal(before)
        await end(held, how === 'SIGTERM' ? 'SIGTERM' : 'SIGKILL')
        if (how !== 'SIGTERM') expect(await recover(tunnel.server)).to.equal('recovered sysctl,nat,kill-switch')
        // A second time does nothing.
        expect(await recover(tunnel.server)).to.equal('recovered')
        expect(await stateOf(tunnel.server)).to.equal(before)
        expect(readdirSync(journals)).to.deep.equal([])
      })
    }

    it('is nothing whichever step fails', async () => {
      const before = await stateOf(tunnel.server)
      const failures: string[] = []
      for (let step = 1; ; step++) {
        const { stdout } = await tunnel.server.run(...argv('fail', ALL, `${step}`), { check: false })
        expect(await stateOf(tunnel.server), `step ${step}: ${stdout}`).to.equal(before)
        expect(readdirSync(journals), `step ${step}`).to.deep.equal([])
        if (stdout.includes('held')) break
        failures.push(stdout)
      }
      const [kill, nat, ...sysctls] = failures
      expect(kill).to.match(/^refused: the kill switch cannot be put up: nft: /)
      expect(nat).to.match(/^refused: address translation cannot be set up: nft: /)
      expect(sysctls.join(''))
        .to.contain('injected at net/ipv4/ip_forward')
        .and.to.contain('injected at net/ipv6/conf/all/forwarding')
      expect(sysctls.join('')).to.contain('injected at net/ipv6/conf/default/accept_ra')
    })
  })
})
