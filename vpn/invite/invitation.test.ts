import { expect } from 'chai'
import fc from 'fast-check'
import { parseConfig } from '../config/config-file.js'
import { resolveSettings } from '../config/resolve.js'
import { UsageError } from '../errors.js'
import { clientConfig } from './command.js'
import { formatInvitation, parseInvitation, type Invitation } from './invitation.js'

const PIN = '3f'.repeat(32)
const KEY = 'mPyVpoQWcp/5gr404xvS19aRC03o0XS2mrb2tZJ1Ii4='

const ascii = Array.from({ length: 0x7e - 0x21 + 1 }, (_, i) => String.fromCharCode(0x21 + i))
const label = fc.stringMatching(/^[a-z0-9]([a-z0-9-]{0,20}[a-z0-9])?$/)
const name = fc.array(label, { minLength: 1, maxLength: 4 }).map((labels) => [...labels, 'example'].join('.'))
const address = fc.oneof(
  fc.ipV4(),
  fc.ipV6().map((text) => text.toLowerCase()),
  name,
)
const invitations: fc.Arbitrary<Invitation> = fc.record({
  server: fc.record({ address, port: fc.integer({ min: 1, max: 65535 }) }),
  pin: fc.option(fc.stringMatching(/^[0-9a-f]{64}$/)),
  key: fc.string({ unit: fc.constantFrom(...ascii), minLength: 1, maxLength: 255 }),
})

function refusal(text: string): string {
  try {
    parseInvitation(text)
  } catch (error) {
    expect(error).to.be.instanceOf(UsageError)
    return (error as Error).message
  }
  throw new Error(`was taken: ${text}`)
}

describe('an invitation', () => {
  it('is written as people can read it', () => {
    const server = { address: '2001:db8::1', port: 443 }
    expect(formatInvitation({ server, pin: PIN, key: KEY })).to.equal(`mqvpn://[2001:db8::1]:443?pin=${PIN}#${KEY}`)
    const plain = { server: { address: 'vpn.example', port: 8443 }, pin: null, key: "it's#?%&" }
    expect(formatInvitation(plain)).to.equal('mqvpn://vpn.example:8443#it%27s%23%3F%25%26')
  })

  it('is the same after it was written and read', () => {
    fc.assert(
      fc.property(invitations, (one) => {
        const text = formatInvitation(one)
        // Nothing that a shell would read inside single quotes, and nothing that is no URI.
        expect(text).to.match(/^[\w.~:/?#[\]@=+%-]+$/)
        expect(parseInvitation(text)).to.deep.equal(one)
      }),
      { numRuns: 500 },
    )
  })

  it('is the same after it was written to a configuration file', () => {
    fc.assert(
      fc.property(invitations, ({ server, pin, key }) => {
        const { raw, problems } = parseConfig(clientConfig({ server, pin, key }), 'client.conf')
        expect(problems).to.deep.equal([])
        const { side, settings } = resolveSettings(null, raw)
        expect(side).to.equal('client')
        expect(settings).to.deep.include({ server, authKey: key, ...(pin === null ? {} : { pin }) })
      }),
      { numRuns: 500 },
    )
  })

  it('is a UsageError and nothing else when it is any other text, near to one or not', () => {
    const parts = fc.constantFrom(
      'mqvpn://',
      'MQVPN://',
      '@',
      '[',
      ']',
      ':',
      '/',
      '?',
      '&',
      'pin=',
      '#',
      '%',
      '%zz',
      '%C3',
    )
    const near = fc.array(fc.oneof(parts, fc.string(), address, fc.constantFrom(PIN, KEY))).map((all) => all.join(''))
    const any = fc.oneof(
      fc.string({ unit: 'binary' }),
      near,
      near.map((text) => `mqvpn://${text}`),
    )
    fc.assert(
      fc.property(any, (text) => {
        try {
          const one = parseInvitation(text)
          expect(parseInvitation(formatInvitation(one))).to.deep.equal(one)
        } catch (error) {
          if (!(error instanceof UsageError)) throw error
          expect(error.message).to.match(/^the invitation /)
        }
      }),
      { numRuns: 3000 },
    )
  })

  it('may leave out port and pin, and have what programs make of it', () => {
    const key = KEY
    expect(parseInvitation(`mqvpn://vpn#${KEY}`)).to.deep.equal({
      server: { address: 'vpn', port: 443 },
      pin: null,
      key,
    })
    const tidied = `MQVPN://VPN.example:443/?pin=${PIN.toUpperCase()}#${encodeURIComponent(KEY)}`
    expect(parseInvitation(tidied)).to.deep.equal({ server: { address: 'vpn.example', port: 443 }, pin: PIN, key })
  })

  const wrong: [text: string, says: RegExp][] = [
    ['', /does not begin with mqvpn:\/\//],
    ['https://vpn.example/', /does not begin with mqvpn:\/\/; write mqvpn:\/\/HOST:PORT\?pin=SHA256#KEY/],
    ['mqvpn:/vpn#k', /does not begin/],
    [`mqvpn://vpn:443?pin=${PIN}`, /has no key, .* in quotes for the shell\?/],
    ['mqvpn://vpn:443#', /the key: the key is empty/],
    ['mqvpn://#secret', /has no server/],
    ['mqvpn:///#secret', /has no server/],
    ['mqvpn://vpn:0#secret', /the server: the port is a number from 1 to 65535/],
    ['mqvpn://vpn:https#secret', /the server: the port/],
    ['mqvpn://2001:db8::1#secret', /the server: .*IPv6 address in brackets/],
    ['mqvpn://[2001:db8]:443#secret', /the server: between the brackets/],
    ['mqvpn://300.1.1.1#secret', /the server: is no IPv4 address/],
    ['mqvpn://anna@vpn#secret', /the server: write an IP address or a host name/],
    ['mqvpn://vpn/x#secret', /has a \/ that belongs to none of its parts/],
    ['mqvpn://vpn?pin=12#secret', /the pin: write the 64 hexadecimal digits/],
    ['mqvpn://vpn?pin#secret', /the pin: /],
    ['mqvpn://vpn?#secret', /something other than pin=/],
    ['mqvpn://vpn?pni=12#secret', /something other than pin=/],
    [`mqvpn://vpn?pin=${PIN}&pin=${PIN}#secret`, /more than one pin/],
    ['mqvpn://vpn#sec%ret', /the key: a % is not followed by two hexadecimal digits/],
    ['mqvpn://vpn#sec ret', /the key: a key has no blanks/],
    ['mqvpn://vpn#sécret', /the key: a key has no blanks/],
    [`mqvpn://vpn#${'secret'.repeat(50)}`, /the key: the key has 300 characters; 255 is the most/],
    [`mqvpn://vpn#${'secret'.repeat(500)}`, /has 3012 characters; 2048 is the most/],
  ]
  for (const [text, says] of wrong) {
    it(`tells what is wrong with ${text.slice(0, 60) || 'nothing'}`, () => {
      expect(refusal(text)).to.match(says).and.not.include('secret')
    })
  }
})
