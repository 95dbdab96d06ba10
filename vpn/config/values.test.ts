import { expect } from 'chai'
import fc from 'fast-check'
import { isIPv4, isIPv6 } from 'node:net'
import * as values from './values.js'

const { ValueError } = values

describe('values', () => {
  it('of servers are a host and a port, 443 if none is given', () => {
    const { serverEndpoint } = values
    expect(serverEndpoint('203.0.113.1:4433')).to.deep.equal({ address: '203.0.113.1', port: 4433 })
    expect(serverEndpoint('203.0.113.1')).to.deep.equal({ address: '203.0.113.1', port: 443 })
    expect(serverEndpoint('[2001:DB8::1]:8443')).to.deep.equal({ address: '2001:db8::1', port: 8443 })
    expect(serverEndpoint('[::1]')).to.deep.equal({ address: '::1', port: 443 })
    expect(serverEndpoint('VPN.Example.org.:443')).to.deep.equal({ address: 'vpn.example.org', port: 443 })
  })

  const refused: [keyof typeof values, string, RegExp][] = [
    ['serverEndpoint', '', /IP address or a host name/],
    ['serverEndpoint', '2001:db8::1', /\[2001:db8::1\]:443/],
    ['serverEndpoint', '[2001:db8::1', /HOST:PORT/],
    ['serverEndpoint', '[vpn]:443', /between the brackets/],
    ['serverEndpoint', 'vpn:0', /from 1 to 65535/],
    ['serverEndpoint', 'vpn:65536', /from 1 to 65535/],
    ['serverEndpoint', 'vpn:', /from 1 to 65535/],
    ['serverEndpoint', 'vpn:https', /from 1 to 65535/],
    ['serverEndpoint', '300.1.1.1:443', /four numbers/],
    ['serverEndpoint', 'a b:443', /host name/],
    ['serverEndpoint', '-a.example:443', /host name/],
    ['serverEndpoint', 'https://vpn.example.org', /HOST:PORT|port/],
    ['listenEndpoint', '443', /0\.0\.0\.0:443/],
    ['listenEndpoint', ':443', /0\.0\.0\.0:443.*\[::\]:443/],
    ['listenEndpoint', '*:443', /0\.0\.0\.0:443/],
    ['listenEndpoint', 'localhost:443', /IP address of this host/],
    ['certifiedName', '*.example.org', /wildcard/],
    ['certifiedName', '192.0.2.1', /is an address/],
    ['certifiedName', '2001:db8::1', /is an address/],
    ['certifiedName', 'a b', /host name/],
    ['email', 'admin', /admin@example\.org/],
    ['email', 'a@b.example,c@d.example', /one e-mail address/],
    ['email', `${'a'.repeat(250)}@b.example`, /one e-mail address/],
    ['httpUrl', 'ca.example/directory', /https:\/\//],
    ['httpUrl', 'file:///etc/passwd', /https:\/\//],
    ['httpUrl', 'https://me:secret@ca.example/', /without a user/],
    ['subnet4', '10.0.0.0', /from 8 to 30/],
    ['subnet4', '10.0.0.0/33', /from 8 to 30/],
    ['subnet4', '10.0.0.0/31', /from 8 to 30/],
    ['subnet4', '10.0.0.5/24', /the network is 10\.0\.0\.0\/24/],
    ['subnet4', 'fd00::/112', /IPv4 network/],
    ['subnet4', '10.0.0.0/24/1', /IPv4 network/],
    ['subnet6', 'fd00::5/112', /the network is fd00::\/112/],
    ['subnet6', '10.0.0.0/24', /IPv6 network/],
    ['subnet6', 'fe80::%eth0/64', /IPv6 network/],
    ['tunName', 'a-name-that-is-long', /1 to 15/],
    ['tunName', 'a b', /1 to 15/],
    ['tunName', '..', /1 to 15/],
    ['device', 'eth0/1', /ip link/],
    ['mtu', '1279', /1280 to 9000/],
    ['mtu', '9001', /1280 to 9000/],
    ['mtu', '1e3', /1280 to 9000/],
    ['ipAddress', 'dns.example', /IP address/],
    ['pin', 'abcd', /64 hexadecimal/],
    ['authKey', '', /genkey/],
    ['authKey', 'two words', /no blanks/],
    ['authKey', 'schlüssel', /ASCII/],
    ['authKey', 'x'.repeat(256), /255 is the most/],
    ['user', 'anna', /NAME:KEY/],
    ['user', ':key', /NAME:KEY/],
    ['user', '(global):key', /NAME:KEY/],
    ['user', 'anna:', /key is empty/],
    ['truth', 'maybe', /true or false/],
    ['file', '', /write a path/],
    ['socketPath', `/${'x'.repeat(107)}`, /108 bytes.*at most 107/],
  ]
  for (const [parser, text, message] of refused) {
    it(`${parser} refuses ${JSON.stringify(text.slice(0, 30))} and says what is right`, () => {
      expect(() => (values[parser] as (text: string) => unknown)(text)).to.throw(ValueError, message)
    })
  }

  it('of listening may have port 0, which leaves the choice to the kernel', () => {
    expect(values.listenEndpoint('127.0.0.1:0')).to.deep.equal({ address: '127.0.0.1', port: 0 })
    expect(values.listenEndpoint('[::]:443')).to.deep.equal({ address: '::', port: 443 })
  })

  it('of switches are any of the usual words', () => {
    for (const word of ['true', 'Yes', 'ON', '1']) expect(values.truth(word)).to.equal(true)
    for (const word of ['false', 'No', 'OFF', '0']) expect(values.truth(word)).to.equal(false)
  })

  it('of a choice are told with the nearest one', () => {
    expect(values.oneOf(['minrtt', 'wlb'])('WLB')).to.equal('wlb')
    expect(() => values.oneOf(['minrtt', 'wlb'])('minrrt')).to.throw('write minrtt or wlb; did you mean "minrtt"?')
    expect(() => values.oneOf(['minrtt', 'wlb'])('fastest')).to.throw(/^write minrtt or wlb$/)
  })

  it('of numbers have bounds', () => {
    expect(values.whole(1, 10)('10')).to.equal(10)
    for (const text of ['0', '11', '1.5', '-1', '', 'x', '1e1']) {
      expect(() => values.whole(1, 10)(text)).to.throw('write a whole number from 1 to 10')
    }
  })

  it('of pins may have colons and a prefix', () => {
    const hex = 'ab'.repeat(32)
    const colons = 'AB:'.repeat(32).slice(0, -1)
    for (const text of [hex, hex.toUpperCase(), colons, `sha256:${hex}`, `SHA256 Fingerprint=${colons}`]) {
      expect(values.pin(text)).to.equal(hex)
    }
  })

  it('of users are a name and a key that may have colons itself', () => {
    expect(values.user('anna:a:b=')).to.deep.equal({ name: 'anna', key: 'a:b=' })
  })

  it('are a subnet for every address once its host bits are cleared', () => {
    const canonical = (text: string) => new URL(`http://[${text}]/`).hostname.slice(1, -1)
    fc.assert(
      fc.property(fc.ipV4(), fc.integer({ min: 8, max: 30 }), (address, prefix) => {
        const network = networkOf(`${address}/${prefix}`, values.subnet4)
        expect(isIPv4(network.split('/')[0]!)).to.equal(true)
        expect(values.subnet4(network)).to.equal(network)
      }),
    )
    fc.assert(
      fc.property(fc.ipV6(), fc.integer({ min: 32, max: 126 }), (address, prefix) => {
        const network = networkOf(`${address}/${prefix}`, values.subnet6)
        expect(isIPv6(network.split('/')[0]!)).to.equal(true)
        expect(canonical(network.split('/')[0]!)).to.equal(network.split('/')[0])
        expect(values.subnet6(network)).to.equal(network)
      }),
    )
  })

  it('of any kind give a value or a ValueError, never anything else', () => {
    const parsers = [
      ...['serverEndpoint', 'listenEndpoint', 'subnet4', 'subnet6', 'tunName', 'device', 'mtu', 'ipAddress', 'pin'],
      ...['authKey', 'user', 'truth', 'file', 'socketPath', 'serverName', 'host'],
    ] as (keyof typeof values)[]
    const text = fc.oneof(
      fc.string(),
      fc.string({ unit: fc.constantFrom(...Array.from('0123456789.:[]/%afx-')) }),
      fc.ipV6(),
      fc.webAuthority({ withPort: true, withIPv4: true, withIPv6: true }),
    )
    fc.assert(
      fc.property(fc.constantFrom(...parsers), text, (parser, input) => {
        try {
          ;(values[parser] as (text: string) => unknown)(input)
        } catch (error) {
          expect(error).to.be.instanceOf(ValueError)
        }
      }),
      { numRuns: 3000 },
    )
  })
})

/** The network that a text names, or that the refusal offers instead. */
function networkOf(text: string, parse: (text: string) => string): string {
  try {
    return parse(text)
  } catch (error) {
    return /the network is (\S+)$/.exec((error as Error).message)![1]!
  }
}
