import { expect } from 'chai'
import { createHash } from 'node:crypto'
import { UsageError } from '../errors.js'
import { parseIni } from './ini.js'
import { resolveSettings } from './resolve.js'
import type { ServerSettings } from './settings.js'
import { hashOfKey, usersOf } from './users.js'
import { containedIn, hostNumber, overlapping, user } from './values.js'

const HASH = createHash('sha256').update('a-key-of-anna-1234').digest('hex')

/** From the lines of [Auth], with both pools. */
function settingsOf(...auth: string[]): ServerSettings {
  const interfaces = ['[Interface]', 'Listen = 0.0.0.0:443', 'Subnet = 10.0.0.0/24', 'Subnet6 = fd00::/112']
  const { raw, problems } = parseIni([...interfaces, '[Auth]', ...auth].join('\n'), 'server.conf')
  expect(problems).to.deep.equal([])
  const { side, settings } = resolveSettings(null, raw)
  expect(side).to.equal('server')
  return settings as ServerSettings
}

function refusal(...auth: string[]): string {
  try {
    settingsOf(...auth)
  } catch (error) {
    expect(error).to.be.instanceOf(UsageError)
    return (error as Error).message
  }
  throw new Error(`was accepted: ${auth.join('; ')}`)
}

describe('the users of a configuration', () => {
  it('have a key or its hash, addresses and networks', () => {
    const settings = settingsOf(
      'User = anna:a-key-of-anna-1234',
      `User = ben:SHA256:${hashOfKey('b').toUpperCase()}`,
      'User = cleo:a-key-of-cleo-1234 # has nothing',
      'Address = anna:10.0.0.5',
      'Address = anna:fd00::5',
      'AllowedIPs = ben:192.168.7.0/24',
      'AllowedIPs = ben:2001:db8::/48',
    )
    expect(usersOf(settings, 'common')).to.deep.equal([
      { name: '(global)', key: 'common' },
      { name: 'anna', key: 'a-key-of-anna-1234', address4: '10.0.0.5', address6: 'fd00::5' },
      { name: 'ben', sha256: hashOfKey('b'), networks: ['192.168.7.0/24', '2001:db8::/48'] },
      { name: 'cleo', key: 'a-key-of-cleo-1234' },
    ])
    expect(usersOf(settings, null)[0]).to.include({ name: 'anna' })
    expect(hashOfKey('a-key-of-anna-1234')).to.equal(HASH)
  })

  it('are refused with file, line and names when they contradict each other', () => {
    const anna = 'User = anna:a-key-of-anna-1234'
    const ben = 'User = ben:a-key-of-ben-12345'
    const same = `User = ben:sha256:${HASH}`
    expect(refusal(anna, same)).to.equal(
      'server.conf:7: User: anna and ben have the same key, so nobody could tell them apart',
    )
    expect(refusal(anna, 'Address = bert:10.0.0.5')).to.match(/^server\.conf:7: Address: there is no user called bert;/)
    expect(refusal(anna, 'AllowedIPs = bert:192.168.7.0/24')).to.match(/AllowedIPs: there is no user called bert/)
    expect(refusal(anna, ben, 'Address = anna:10.0.0.5', 'Address = ben:10.0.0.5')).to.match(
      /server\.conf:9: Address: anna and ben would have the same address, 10\.0\.0\.5/,
    )
    expect(refusal(anna, ben, 'Address = anna:10.0.0.5', 'Address = ben:fd00::5')).to.match(/anna and ben/)
    expect(refusal(anna, 'Address = anna:10.0.0.5', 'Address = anna:fd00::6')).to.match(/the same host number/)
    expect(refusal(anna, 'Address = anna:10.0.0.5', 'Address = anna:10.0.0.5')).to.match(/an IPv4 address already/)
    expect(refusal(anna, 'Address = anna:10.0.1.5')).to.match(/10\.0\.1\.5 is not in 10\.0\.0\.0\/24/)
    expect(refusal(anna, 'Address = anna:10.0.0.1')).to.match(/the server's own/)
    expect(refusal(anna, 'Address = anna:fd00::1')).to.match(/the server's own/)
    for (const address of ['10.0.0.0', '10.0.0.255', 'fd00::'])
      expect(refusal(anna, `Address = anna:${address}`)).to.match(/no host's address/)
    expect(refusal(anna, ben, 'AllowedIPs = anna:192.168.0.0/16', 'AllowedIPs = ben:192.168.7.0/24')).to.match(
      /server\.conf:9: AllowedIPs: 192\.168\.7\.0\/24 of ben overlaps 192\.168\.0\.0\/16 of anna/,
    )
    expect(refusal(anna, ben, 'AllowedIPs = ben:192.168.7.0/24', 'AllowedIPs = anna:192.168.0.0/16')).to.match(
      /server\.conf:9: AllowedIPs: 192\.168\.0\.0\/16 of anna overlaps 192\.168\.7\.0\/24 of ben/,
    )
    // Of one user, they may lie in each other.
    settingsOf(anna, ben, 'AllowedIPs = anna:192.168.0.0/16', 'AllowedIPs = anna:192.168.7.0/24')
    expect(refusal(anna, 'AllowedIPs = anna:0.0.0.0/0')).to.match(/overlaps 10\.0\.0\.0\/24, the pool/)
    const many = Array.from({ length: 16 }, (_, i) => `AllowedIPs = anna:192.168.${i}.0/24`)
    expect(refusal(anna, ...many)).to.match(/more than 15 networks/)
  })

  it('are compared in a moment, however many networks they have', () => {
    const start = performance.now()
    const user = Array.from({ length: 2000 }, (_, i) => `User = u${i}:a-key-of-user-${i}`)
    const networks = Array.from(
      { length: 20_000 },
      (_, i) => `AllowedIPs = u${i % 2000}:172.${16 + (i >> 12)}.${(i >> 4) & 255}.${(i & 15) * 16}/28`,
    )
    expect(settingsOf(...user, ...networks).userAllowedIps).to.have.length(20_000)
    expect(refusal(...user, ...networks, 'AllowedIPs = u7:172.16.0.0/27')).to.match(
      /of u7 overlaps 172\.16\.0\.0\/28 of u0/,
    )
    expect(performance.now() - start).to.be.below(10_000)
  }).timeout(20_000)

  it('whose values are wrong are refused without a key in the message', () => {
    const hashless = refusal('User = anna:sha256:1234')
    expect(hashless)
      .to.match(/64 hexadecimal digits/)
      .and.not.match(/1234/)
    expect(refusal('User = anna')).to.match(/write NAME:KEY/)
    expect(refusal('User = anna:a-key-of-anna-1234', 'Address = 10.0.0.5')).to.match(/write NAME:ADDR/)
    expect(refusal('User = anna:a-key-of-anna-1234', 'Address = anna:router')).to.match(/Address = anna:router/)
    expect(refusal('User = anna:a-key-of-anna-1234', 'AllowedIPs = anna:192.168.7.1/24')).to.match(
      /the network is 192\.168\.7\.0\/24/,
    )
    expect(user('anna:sha256').name).to.equal('anna')
  })
})

describe('addresses and networks', () => {
  it('are compared within their family', () => {
    expect(overlapping('10.0.0.0/8', '10.9.0.0/16')).to.equal(true)
    expect(overlapping('10.9.0.0/16', '10.0.0.0/8')).to.equal(true)
    expect(overlapping('10.0.0.0/9', '10.128.0.0/9')).to.equal(false)
    expect(overlapping('0.0.0.0/0', 'fd00::/8')).to.equal(false)
    expect(overlapping('::/0', 'fd00::1/128')).to.equal(true)
    expect(containedIn('10.0.0.9', '10.0.0.8/30')).to.equal(true)
    expect(containedIn('10.0.0.12', '10.0.0.8/30')).to.equal(false)
    expect(hostNumber('fd00::1:5', 'fd00::/64')).to.equal(0x10005n)
  })
})
