import { expect } from 'chai'
import fc from 'fast-check'
import { parseIni } from './ini.js'
import type { RawSettings } from './raw.js'
import { resolveSettings } from './resolve.js'

const plain = (raw: RawSettings) => Object.fromEntries(Object.entries(raw).map(([k, v]) => [k, v.map((g) => g.value)]))
const problems = (text: string) => parseIni(text, 'f').problems

describe('INI files', () => {
  it("are the seed's server example", () => {
    const text = `[Interface]
TunName = mqvpn0
Listen = 0.0.0.0:443
Subnet = 10.0.0.0/24
LogLevel = info

[TLS]
Cert = /etc/mqvpn/server.crt
Key = /etc/mqvpn/server.key

[Auth]
Key = mPyVpoQWcp/5gr404xvS19aRC03o0XS2mrb2tZJ1Ii4=
MaxClients = 64
`
    const { raw, problems } = parseIni(text, 'server.conf')
    expect(problems).to.deep.equal([])
    expect(plain(raw)).to.deep.equal({
      tunName: ['mqvpn0'],
      listen: ['0.0.0.0:443'],
      subnet: ['10.0.0.0/24'],
      logLevel: ['info'],
      cert: ['/etc/mqvpn/server.crt'],
      key: ['/etc/mqvpn/server.key'],
      authKey: ['mPyVpoQWcp/5gr404xvS19aRC03o0XS2mrb2tZJ1Ii4='],
      maxClients: ['64'],
    })
    expect(raw.listen).to.deep.equal([
      { value: '0.0.0.0:443', origin: 'server.conf:3: Listen', place: 'server.conf:3' },
    ])
    expect(resolveSettings(null, raw)).to.deep.include({ side: 'server' })
  })

  it("are the seed's client example", () => {
    const text = `[Server]
Address = 203.0.113.1:443
Insecure = false

[Auth]
Key = mPyVpoQWcp/5gr404xvS19aRC03o0XS2mrb2tZJ1Ii4=

[Interface]
TunName = mqvpn0
DNS = 1.1.1.1, 8.8.8.8
LogLevel = info

[Multipath]
Scheduler = wlb
Path = eth0
Path = wlan0
`
    const { raw, problems } = parseIni(text, 'client.conf')
    expect(problems).to.deep.equal([])
    expect(plain(raw)).to.deep.equal({
      server: ['203.0.113.1:443'],
      insecure: ['false'],
      authKey: ['mPyVpoQWcp/5gr404xvS19aRC03o0XS2mrb2tZJ1Ii4='],
      tunName: ['mqvpn0'],
      dns: ['1.1.1.1', '8.8.8.8'],
      logLevel: ['info'],
      scheduler: ['wlb'],
      path: ['eth0', 'wlan0'],
    })
    expect(raw.path?.map(({ origin }) => origin)).to.deep.equal(['client.conf:15: Path', 'client.conf:16: Path'])
    expect(resolveSettings(null, raw)).to.deep.include({ side: 'client' })
    // The same, with a comment behind each line, and every section once more.
    const lines = text.trim().split('\n')
    const commented = lines.map((line) => (line === '' ? '# nothing' : `${line}   # and why; = [x]`)).join('\n')
    const again = parseIni(`${commented}\n[Multipath] ; again\nPath = wwan0:backup ; the phone\n[Auth]\n`, 'f')
    expect(again.problems).to.deep.equal([])
    expect(plain(again.raw)).to.deep.equal({ ...plain(raw), path: ['eth0', 'wlan0', 'wwan0:backup'] })
  })

  it('may have comments, blank lines, CRLF, a byte order mark, any case and a section twice', () => {
    const text =
      '\uFEFF# all\r\n\r\n[multipath] ; one\r\npath=eth0 # the cable\r\n\t; or\r\n[SERVER]\r\nADDRESS = [::1]:443\r\n[ Multipath ]\r\nPath = a#b\r\n'
    const { raw, problems } = parseIni(text, 'f')
    expect(problems).to.deep.equal([])
    expect(plain(raw)).to.deep.equal({ path: ['eth0', 'a#b'], server: ['[::1]:443'] })
    expect(raw.path?.[1]?.origin).to.equal('f:9: Path')
  })

  it('are wrong with file, line and key, and the likely intention', () => {
    expect(problems('[Interface]\nTunNmae = x')).to.deep.equal([
      'f:2: TunNmae: unknown key of [Interface]; did you mean "TunName"?',
    ])
    expect(problems('\n[Intreface]\nTunName = x')).to.deep.equal([
      'f:2: [Intreface]: unknown section; did you mean "Interface"?',
    ])
    expect(problems('[Auth]\nPath = eth0')).to.deep.equal(['f:2: Path: belongs to [Multipath], not to [Auth]'])
    expect(problems('Path = eth0')).to.deep.equal(['f:1: Path: stands before any [Section]'])
    expect(problems('[Interface]\nTunName')).to.deep.equal(['f:2: this is neither [Section] nor Key = value'])
    expect(problems('[Interface]\nTunName = # none')).to.deep.equal(['f:2: TunName: has no value'])
    expect(problems('[Interface]\nMTU = 1400\n\nmtu = 1500')).to.deep.equal([
      'f:4: MTU: stands here a second time; the first is at f:2',
    ])
    for (const heading of ['[Interface', '[', '[]', '[a]b]', '[ ]x'])
      expect(problems(heading)).to.deep.equal(['f:1: a section is written [Name]'])
    expect(problems('[Server]\nKey = x')).to.deep.equal(['f:2: Key: belongs to [Auth] or [TLS], not to [Server]'])
    expect(problems('[Interface]\ntun_name = x')).to.deep.equal([
      'f:2: tun_name: unknown key of [Interface]; did you mean "TunName"?',
    ])
    expect(problems('[Auth]\nKey = "abc="')).to.deep.equal(['f:2: Key: is in quotes; write it without them'])
  })

  it('say what is not in this version instead of leaving it out', () => {
    expect(problems('[Control]\nListen = 127.0.0.1:9090')[0]).to.match(/^f:1: \[Control\]: .*mqvpn status/)
    expect(problems('[Reorder]\nEnabled = auto')).to.have.length(1)
    expect(problems('[Multipath]\nInitMaxPathId = 8')[0]).to.match(/^f:2: InitMaxPathId: .*needs no setting/)
  })

  it('have routes, the kill switch and address translation', () => {
    const text =
      '[Server]\nAddress = a\n[Interface]\nAllowedIPs = 10.0.0.0/8, fd00::/8\nAllowedIPs = 192.0.2.1\nExclude = 10.9.0.0/16\nKillSwitch = on\nReconnectInterval = 5'
    const { raw, problems } = parseIni(text, 'f')
    expect(problems).to.deep.equal([])
    expect(resolveSettings(null, raw).settings).to.deep.include({
      allowedIps: ['10.0.0.0/8', 'fd00::/8', '192.0.2.1/32'],
      exclude: ['10.9.0.0/16'],
      killSwitch: 'on',
      reconnectInterval: 5,
    })
    const server = parseIni('[Interface]\nListen = 0.0.0.0:443\nNAT = off', 'f')
    expect(resolveSettings(null, server.raw).settings).to.include({ nat: false })
  })

  it('tell of the first problems only, when there are very many', () => {
    const found = problems('x\n'.repeat(1000))
    expect(found).to.have.length(21)
    expect(found.at(-1)).to.equal('and 980 more; is this the file that is meant?')
  })

  it('of a size that a wrong file may have are judged in a moment', () => {
    const million = 1_000_000
    const texts = [
      ...[
        `[${' '.repeat(million)}`,
        `[${' '.repeat(million)}]x`,
        ' #'.repeat(million / 2) + '\u2028',
        '='.repeat(million),
      ],
      `[Interface]\n${'x'.repeat(million)} = 1`,
      `[${'x'.repeat(million)}]`,
      `[Multipath]\n${'Path=a\n'.repeat(million / 7)}`,
      `[Interface]\nDNS = ${','.repeat(million)}`,
    ]
    for (const text of texts) {
      const start = performance.now()
      parseIni(text, 'f')
      // Tens of milliseconds; what is quadratic would take minutes.
      expect(performance.now() - start, JSON.stringify(text.slice(0, 20))).to.be.below(5000)
    }
  })

  it('never show a value, which may be a key', () => {
    fc.assert(
      fc.property(fc.stringMatching(/^SECRET[a-z]{5}$/), fc.constantFrom('Kye', 'Key', 'Uesr', ''), (secret, key) => {
        for (const line of problems(`[Auth]\nKey = a\n${key} = ${secret}\n${secret}`))
          expect(line).not.to.include(secret)
      }),
    )
  })

  it('never show a key that stands where a name should', () => {
    const key = 'mPyVpoQWcp5gr404xvS19aRC03o0XS2mrb2tZJ1Ii4='
    for (const text of [`[Auth]\nKey ${key}`, `[Auth]\n${key}`, `[Auth]\nabc def= x`, `[${key}]`, key]) {
      expect(problems(text), text).to.have.length(1)
      expect(problems(text)[0]).not.to.match(/mPyV|abc/)
    }
  })

  it('of any content give settings and problems, each with its line', () => {
    const line = fc.oneof(
      fc.string(),
      fc.constantFrom('[Interface]', '[Auth]', 'Path = a', 'DNS = ,,', '[', '=', '# x'),
    )
    fc.assert(
      fc.property(fc.array(line), (lines) => {
        const { raw, problems } = parseIni(lines.join('\n'), 'f')
        for (const problem of problems) expect(problem).to.match(/^(f:\d+: |and \d+ more)/)
        for (const given of Object.values(raw).flat()) expect(given.origin).to.match(/^f:\d+: \w+$/)
      }),
    )
  })
})
