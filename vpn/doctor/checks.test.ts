import { expect } from 'chai'
import { mkdtempSync, rmSync, writeFileSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { MachineError } from '../errors.js'
import { Journal } from '../host/journal.js'
import { selfSigned } from '../server/certificate.js'
import { FakeMachine, ROUTE_HEAD } from '../testing/fake-machine.js'
import { certificate, clock } from './clock.js'
import { devices } from './devices.js'
import { dns } from './dns.js'
import { files } from './files.js'
import type { Finding } from './finding.js'
import { firewall } from './firewall.js'
import { leftovers } from './leftovers.js'
import { native } from './native.js'
import { port } from './port.js'
import { routes } from './routes.js'

describe('the doctor', () => {
  let machine: FakeMachine
  beforeEach(() => (machine = new FakeMachine()))

  /** `warn tun: what it says → what to do`; whatever is not ok says what to do. */
  const lines = (findings: Finding[]): string[] =>
    findings.map(({ level, check, says, todo }) => {
      expect(todo === undefined, says).to.equal(level === 'ok')
      return `${level} ${check}: ${says}${todo === undefined ? '' : ` → ${todo}`}`
    })

  it('finds nothing wrong with a machine on which all is well', async () => {
    const all = [
      ...native(machine),
      ...(await firewall(machine, true)),
      ...(await dns(machine, true)),
      ...devices(machine),
      ...routes(machine),
      ...(await clock(machine, new Date('2026-05-01'))),
      ...(await port(machine, { address: '0.0.0.0', port: 443 }, false)),
      ...files(machine, '/etc/mqvpn'),
    ]
    expect(lines(all).filter((line) => !line.startsWith('ok '))).to.deep.equal([])
    expect(all.length).to.be.greaterThan(9)
  })

  describe('of the native parts', () => {
    it('says how to build an addon that is missing or old', () => {
      machine.addonProblem = new MachineError(
        'the native addon cannot be used: /x\nPossible solutions:\n  - npm rebuild',
      )
      expect(lines(native(machine))).to.deep.equal([
        'fail addon: the native addon cannot be used: /x → Possible solutions: - npm rebuild',
      ])
      machine.addonProblem = new MachineError('the native addon is older than this program')
      expect(lines(native(machine))[0]).to.match(/→ build it again/)
    })

    it('tells a missing right from a missing device', () => {
      machine.feature = { capNetAdmin: 'not held', tun: 'TUNSETIFF: Operation not permitted', tunTso: 'x', udpGso: 'y' }
      const found = lines(native(machine))
      expect(found[1]).to.match(/^fail rights: .*CAP_NET_ADMIN.* → .*sudo/)
      expect(found[2]).to.match(/^warn tun: a TUN device could not be tried/)
      // Offloads of a device that could not be made are unknown, not missing.
      expect(found.slice(3)).to.have.length(1)
      expect(found[3]).to.match(/^warn offload: udpGso is missing/)
      machine.feature = { tun: 'open /dev/net/tun: No such file or directory' }
      expect(lines(native(machine))[2]).to.match(/^fail tun: .*No such file.* → load the module \(modprobe tun\)/)
    })

    it('says what is slower without each offload', () => {
      machine.feature = { tunUso: 'TUNSETOFFLOAD: Invalid argument', udpGro: 'setsockopt' }
      expect(lines(native(machine)).filter((line) => line.startsWith('warn'))).to.have.length(2)
    })
  })

  it('of the firewall: fails only when the configuration needs it', async () => {
    machine.programs.set('nft', null)
    expect(lines(await firewall(machine, true))[0]).to.match(/^fail firewall: .*kernel refuses it → .*nf_tables/)
    machine.user = 1000
    expect(lines(await firewall(machine, true))[0]).to.match(/^warn .*→ run the doctor with sudo/)
    machine.programs.delete('nft')
    expect(lines(await firewall(machine, true))[0]).to.match(/^fail .* → install the package nftables/)
    expect(lines(await firewall(machine, false))[0]).to.match(/^warn .* → install the package nftables/)
  })

  it('of DNS: resolvectl where systemd-resolved runs, a file that can be written elsewhere', async () => {
    machine.unwritable.add('/etc/resolv.conf')
    expect(lines(await dns(machine, true))[0]).to.match(/^fail dns: .*lsattr/)
    expect(lines(await dns(machine, false))[0]).to.match(/^warn /)
    machine.user = 1000
    expect(lines(await dns(machine, true))[0]).to.match(/^warn .*sudo/)
    machine.files.set('/run/systemd/resolve/stub-resolv.conf', '')
    expect(lines(await dns(machine, true))[0]).to.match(/^fail dns: .*resolvectl is not here/)
    machine.programs.set('resolvectl', '')
    expect(lines(await dns(machine, true))[0]).to.match(/^ok /)
    machine.files.delete('/run/systemd/resolve/stub-resolv.conf')
    machine.files.delete('/etc/resolv.conf')
    expect(lines(await dns(machine, true))[0]).to.match(/^warn dns: there is no \/etc\/resolv\.conf/)
  })

  it('of links: too small an MTU for QUIC, or for IPv6 inside; those that are down do not count', () => {
    const link = (name: string, mtu: number, flags = '0x1003'): void => {
      machine.files.set(`/sys/class/net/${name}/mtu`, `${mtu}\n`)
      machine.files.set(`/sys/class/net/${name}/flags`, `${flags}\n`)
    }
    link('wg0', 1280)
    link('tiny', 1000)
    link('lo', 65536)
    link('off', 500, '0x1002')
    expect(lines(devices(machine))).to.have.length(2)
    expect(lines(devices(machine))[0]).to.match(/^fail links: tiny has an MTU of 1000: QUIC does not fit/)
    expect(lines(devices(machine))[1]).to.match(/^warn links: wg0 has an MTU of 1280/)
    for (const name of ['eth0', 'wg0', 'tiny']) link(name, 1500, '0x1002')
    expect(lines(devices(machine))[0]).to.match(/^warn links: no network interface is up/)
  })

  it('of routes: whether there is a default one, of either family', () => {
    expect(lines(routes(machine))[0]).to.equal('ok routes: there is a default route (IPv4)')
    const own = `${'0'.repeat(32)} 00 ${'0'.repeat(32)} 00 ${'0'.repeat(32)} ffffffff 00000001 00000000 00200200       lo\n`
    machine.files.set('/proc/net/route', `${ROUTE_HEAD}eth0\t0002000A\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0\n`)
    machine.files.set('/proc/net/ipv6_route', own)
    expect(lines(routes(machine))[0]).to.match(/^warn routes: there is no default route/)
    machine.files.set('/proc/net/ipv6_route', `${own}${own.replace('      lo', '    eth0')}`)
    expect(lines(routes(machine))[0]).to.equal('ok routes: there is a default route (IPv6)')
  })

  it('of routes: warns of strict reverse-path filters on several links', () => {
    const filter = (name: string, value: number): void =>
      void machine.files.set(`/proc/sys/net/ipv4/conf/${name}/rp_filter`, `${value}\n`)
    filter('eth0', 1)
    filter('wlan0', 2)
    expect(lines(routes(machine))[1]).to.match(/^ok /)
    // The larger of the two values counts: 2, on wlan0.
    filter('all', 1)
    expect(lines(routes(machine))[1]).to.match(/^ok /)
    filter('wwan0', 0)
    expect(lines(routes(machine))[1]).to.match(
      /^warn rp_filter: strict on eth0, wwan0: .* → sysctl -w net\.ipv4\.conf\.eth0\.rp_filter=2; sysctl .*wwan0/,
    )
  })

  describe('of the clock', () => {
    const born = new Date('2026-05-01')

    it('fails when it is before this program, and warns when nobody keeps it', async () => {
      machine.programs.set('timedatectl', 'no\n')
      expect(lines(await clock(machine, born))[0]).to.match(/^warn clock: it is 2026-06-01 here, and nobody keeps/)
      machine.programs.set('timedatectl', 'yes\n')
      expect(lines(await clock(machine, born))[0]).to.equal('ok clock: it is 2026-06-01, kept right by NTP')
      machine.time = new Date('1970-01-01')
      expect(lines(await clock(machine, born))[0]).to.match(/^fail clock: it is 1970-01-01 here, before .*2026-05-01/)
    })

    it('measures certificates by it', async () => {
      const made = new Date('2026-06-01T00:00:00Z')
      const { certificate: pem } = await selfSigned(['vpn.example'], made)
      const file = '/var/lib/mqvpn/server.crt'
      expect(lines(certificate(machine, file))[0]).to.match(/^ok certificate: .* will be made at the first start/)
      machine.files.set(file, pem)
      expect(lines(certificate(machine, file))[0]).to.match(/valid until 2036-06-01/)
      const at = (time: string): string => {
        machine.time = new Date(time)
        return lines(certificate(machine, file))[0]!
      }
      expect(at('2026-05-01')).to.match(
        /^fail .*valid from 2026-05-31 on, and it is 2026-05-01 here → is the clock right/,
      )
      expect(at('2036-05-25')).to.match(/^warn .*expires on 2036-06-01/)
      expect(at('2036-07-01')).to.match(/^fail .*expired on 2036-06-01/)
      machine.files.set(file, 'rubbish')
      expect(at('2026-07-01')).to.match(/^fail .*is no certificate in PEM/)
    })
  })

  it('of the port of a server: taken, foreign address, no right; its own is no fault', async () => {
    const listen = { address: '::', port: 443 }
    machine.ports.set(443, 'EADDRINUSE')
    expect(lines(await port(machine, listen, false))[0]).to.match(
      /^fail port: UDP port \[::\]:443 is in use → `ss -ulpn`/,
    )
    expect(lines(await port(machine, listen, true))[0]).to.match(/^ok /)
    machine.ports.set(443, 'EADDRNOTAVAIL')
    expect(lines(await port(machine, listen, false))[0]).to.match(/^fail port: this host does not have the address/)
    machine.ports.set(443, 'EACCES')
    expect(lines(await port(machine, listen, false))[0]).to.match(/^warn .*sudo/)
    machine.ports.set(443, 'EMFILE')
    expect(lines(await port(machine, listen, false))[0]).to.match(/^fail .*cannot be opened: EMFILE/)
  })

  it('of files: who else can change them, read keys in them, and whose they are', () => {
    const file = (name: string, text: string, mode: number, uid = 0): void => {
      machine.files.set(`/etc/mqvpn/${name}`, text)
      machine.modes.set(`/etc/mqvpn/${name}`, { mode, uid })
    }
    file('a.conf', '[Auth]\nKeyFile = /etc/mqvpn/key\n', 0o644)
    file('key', 'x', 0o604)
    file('server.crt', '-----BEGIN CERTIFICATE-----', 0o644)
    file('both.pem', '-----BEGIN PRIVATE KEY-----', 0o644)
    file('w.conf', '', 0o620)
    file('u.conf', '', 0o600, 1000)
    expect(lines(files(machine, '/etc/mqvpn')).map((line) => line.split(':').slice(0, 2).join(':'))).to.deep.equal([
      'warn files: /etc/mqvpn/both.pem',
      'warn files: /etc/mqvpn/key',
      'warn files: /etc/mqvpn/u.conf',
      'fail files: /etc/mqvpn/w.conf',
    ])
    machine.modes.set('/etc/mqvpn', { mode: 0o777 })
    expect(lines(files(machine, '/etc/mqvpn'))[0]).to.match(/^fail files: \/etc\/mqvpn: .*→ chmod 755/)
  })

  describe('of leftovers', () => {
    let folder: string
    beforeEach(() => (folder = mkdtempSync(join(tmpdir(), 'mqvpn-doctor-'))))
    afterEach(() => rmSync(folder, { recursive: true }))

    it('names what a mqvpn that is gone has changed, and nothing of one that runs', () => {
      expect(lines(leftovers(machine, folder))).to.deep.equal(['ok leftovers: no mqvpn has left anything behind'])
      // Process 1 is always there. The other one never was: pids end at 4194304 (proc(5), pid_max).
      Journal.open('runs', folder, 1).add('dns', {})
      const dead = Journal.open('dead', folder, 4_194_305)
      dead.add('dns', {})
      dead.add('kill-switch', {})
      expect(lines(leftovers(machine, folder))).to.deep.equal([
        'warn leftovers: a mqvpn that is gone (dead) has changed this host and not put it back: dns, kill-switch → mqvpn recover --name dead, or start it again',
      ])
    })

    it('tells of a note that cannot be understood', () => {
      writeFileSync(join(folder, `x.${statSync('/proc/self/ns/net').ino}.changes.json`), '{')
      expect(lines(leftovers(machine, folder))[0]).to.match(/^fail leftovers: .*x\.\d+\.changes\.json: is damaged/)
    })
  })
})
