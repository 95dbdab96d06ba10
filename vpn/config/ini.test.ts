import { expect } from 'chai'
import fc from 'fast-check'
import { parseIni } from './ini.js'
import type { RawSettings } from './raw.js'

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
    expect(raw.listen).to.deep.equal([{ value: '0.0.0.0:443', origin: 'server.conf:3: Listen' }])
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
    expect(problems('[Interface]\nMTU = 1400\nmtu = 1500')).to.deep.equal(['f:3: MTU: stands here a second time'])
    expect(problems('[Interface')).to.deep.equal(['f:1: a section is written [Name]'])
  })

  it('say what is not in this version instead of leaving it out', () => {
    expect(problems('[Interface]\nKillSwitch = true')[0]).to.match(/^f:2: KillSwitch: the kill switch is not in this/)
    expect(problems('[Control]\nListen = 127.0.0.1:9090')[0]).to.match(/^f:1: \[Control\]: .*mqvpn status/)
  })

  it('never show a value, which may be a key', () => {
    fc.assert(
      fc.property(fc.stringMatching(/^SECRET[a-z]{5}$/), fc.constantFrom('Kye', 'Key', 'Uesr', ''), (secret, key) => {
        for (const line of problems(`[Auth]\nKey = a\n${key} = ${secret}\n${secret}`))
          expect(line).not.to.include(secret)
      }),
    )
  })

  it('of any content give settings and problems, each with its line', () => {
    const line = fc.oneof(
      fc.string(),
      fc.constantFrom('[Interface]', '[Auth]', 'Path = a', 'DNS = ,,', '[', '=', '# x'),
    )
    fc.assert(
      fc.property(fc.array(line), (lines) => {
        const { raw, problems } = parseIni(lines.join('\n'), 'f')
        for (const problem of problems) expect(problem).to.match(/^f:\d+: /)
        for (const given of Object.values(raw).flat()) expect(given.origin).to.match(/^f:\d+: \w+$/)
      }),
    )
  })
})
