import { expect } from 'chai'
import { UsageError } from '../errors.js'
import { parseJsonConfig } from './json.js'
import { flatName } from './keys.js'
import type { RawSettings } from './raw.js'
import { resolveSettings } from './resolve.js'
import { SETTING_KEYS, settings } from './settings.js'

const plain = (raw: RawSettings) => Object.fromEntries(Object.entries(raw).map(([k, v]) => [k, v.map((g) => g.value)]))
const problems = (text: string) => parseJsonConfig(text, 'f').problems

describe('JSON files', () => {
  it("have the keys of the seed's later versions", () => {
    const client = {
      ...{ tun_name: 'mqvpn0', log_level: 'info', dns: ['1.1.1.1', '8.8.8.8'], kill_switch: true, manage_routes: true },
      ...{ reconnect: true, reconnect_interval: 5, mtu: 1400, server_addr: '203.0.113.1:443', tls_server_name: 'vpn' },
      ...{ insecure: false, auth_key: 'k', scheduler: 'wlb', cc: 'bbr', paths: ['eth0', 'wlan0'] },
    }
    const { raw, problems } = parseJsonConfig(JSON.stringify(client), 'f')
    expect(problems).to.deep.equal([])
    expect(resolveSettings(null, raw)).to.have.property('side', 'client')
    expect(resolveSettings(null, raw).settings).to.deep.include({
      dns: ['1.1.1.1', '8.8.8.8'],
      killSwitch: 'on',
      reconnectInterval: 5,
      mtu: 1400,
      server: { address: '203.0.113.1', port: 443 },
      tlsServerName: 'vpn',
      authKey: 'k',
      path: ['eth0', 'wlan0'].map((device) => ({ device, backup: false })),
    })
    const server = {
      ...{ listen: '0.0.0.0:443', subnet: '10.1.0.0/16', subnet6: 'fd00::/112', cert_file: '/c', key_file: '/k' },
      ...{ server_auth_key: 'k', users: ['anna:a', { name: 'bert', key: 'b' }], max_clients: 3 },
    }
    expect(resolveSettings(null, parseJsonConfig(JSON.stringify(server), 'f').raw).settings).to.deep.include({
      listen: { address: '0.0.0.0', port: 443 },
      cert: '/c',
      key: '/k',
      authKey: 'k',
      user: [
        { name: 'anna', key: 'a' },
        { name: 'bert', key: 'b' },
      ],
      maxClients: 3,
    })
  })

  it('have every setting, flat and in its section, in any case', () => {
    for (const key of SETTING_KEYS) {
      const [section, name] = settings[key].file
      const value = settings[key].kind === 'list' ? ['v'] : 'v'
      const expected = { [key]: ['v'] }
      for (const content of [
        { [flatName(key)]: value },
        { [flatName(key).toUpperCase()]: value },
        { [section]: { [name]: value } },
        { [section.toLowerCase()]: { [name.toUpperCase()]: value } },
      ]) {
        const { raw, problems } = parseJsonConfig(JSON.stringify(content), 'f')
        expect(problems).to.deep.equal([])
        expect(plain(raw)).to.deep.equal(expected)
      }
    }
    expect(new Set(SETTING_KEYS.map(flatName))).to.have.property('size', SETTING_KEYS.length)
  })

  it('say of each value where it stands', () => {
    const { raw } = parseJsonConfig(
      '\uFEFF{\n  "tun_name": "a",\r\n  "Multipath": {"Path":\n ["x", "y"], "CC": "bbr"}, "mtu": 0\n}',
      'f',
    )
    expect(raw.tunName).to.deep.equal([{ value: 'a', origin: 'f:2:3: tun_name', place: 'f:2:3' }])
    expect(raw.path?.map(({ origin }) => origin)).to.deep.equal(['f:3:17: Multipath.Path', 'f:3:17: Multipath.Path'])
    expect(raw.cc?.[0]?.origin).to.equal('f:4:14: Multipath.CC')
    expect(raw.mtu?.[0]?.origin).to.equal('f:4:28: mtu')
  })

  it('may have a list as one text, an empty list, and notes', () => {
    const { raw, problems } = parseJsonConfig('{"dns": "1.1.1.1, ::1", "paths": [], "$schema": {"x": [null]}}', 'f')
    expect(problems).to.deep.equal([])
    expect(plain(raw)).to.deep.equal({ dns: ['1.1.1.1', '::1'], path: [] })
  })

  const wrong: [text: string, message: string][] = [
    ['{"tun_nmae": "x"}', 'f:1:2: tun_nmae: unknown key; did you mean "tun_name"?'],
    [
      '{\n "Interface": {\n  "TunNmae": "x"}}',
      'f:3:3: Interface.TunNmae: unknown key of [Interface]; did you mean "TunName"?',
    ],
    [
      '{"Interface": {"tun_name": "x"}}',
      'f:1:16: Interface.tun_name: unknown key of [Interface]; did you mean "TunName"?',
    ],
    ['{"Intreface": {}}', 'f:1:2: Intreface: unknown key; did you mean "Interface"?'],
    ['{"Auth": {"Path": ["a"]}}', 'f:1:11: Auth.Path: belongs to [Multipath], not to [Auth]'],
    ['{"TunName": "a"}', 'f:1:2: TunName: unknown key; TunName stands in a section: {"Interface": {"TunName": …}}'],
    ['{"Server": "vpn"}', 'f:1:2: Server: is a section: {"Server": {"Key": "value"}}'],
    ['{"mtu": 1400,\n "mtu": 1500}', 'f:2:2: mtu: stands here a second time; the first is at f:1:2'],
    ['{"mtu": [1400]}', 'f:1:2: mtu: has one value; write it without [ ]'],
    ['{"mtu": null}', 'f:1:2: mtu: is null; leave the key out to have the default'],
    ['{"mtu": {}}', 'f:1:2: mtu: is an object; write its value'],
    ['{"dns": [["1.1.1.1"]]}', 'f:1:2: dns: write a list of texts: ["…", "…"]'],
    ['{"users": [{"name": "a"}]}', 'f:1:2: users: write "NAME:KEY" or {"name": "NAME", "key": "KEY"}'],
    ['[1]', 'f:1:1: the settings stand in an object: { "server_addr": … }'],
  ]
  for (const [text, message] of wrong) {
    it(`refuse ${text}`, () => {
      expect(problems(text)).to.deep.equal([message])
    })
  }

  it('say what is not in this version instead of leaving it out', () => {
    expect(problems('{"control_listen": "127.0.0.1:9090"}')[0]).to.match(
      /^f:1:2: control_listen: there is no control port/,
    )
    expect(problems('{"reorder": {"enabled": true}}')[0]).to.match(/^f:1:2: reorder: there is no reordering/)
    expect(problems('{"mode": "client"}')[0]).to.match(/^f:1:2: mode: the side is found from/)
  })

  it('that are no JSON are refused with line and column, and without what stands there', () => {
    expect(() => parseJsonConfig('{\n  "auth_key": SECRET\n}', 'f'))
      .to.throw(UsageError, /^f:2:15: here goes a value$/)
      .with.property('message')
      .that.does.not.include('SECRET')
  })
})
