import { expect } from 'chai'
import { UsageError } from '../errors.js'
import type { RawSettings } from './raw.js'
import { resolveSettings } from './resolve.js'
import { SETTING_KEYS, settings, type SettingKey } from './settings.js'

/** As the command line gives them. */
function flags(values: Partial<Record<SettingKey, string | string[]>>): RawSettings {
  return Object.fromEntries(
    Object.entries(values).map(([key, value]) => [
      key,
      [value].flat().map((text) => ({ value: text, origin: settings[key as SettingKey].flag })),
    ]),
  )
}

const client = (values: Parameters<typeof flags>[0] = {}) =>
  resolveSettings('client', flags({ server: 'vpn', ...values }))
const server = (values: Parameters<typeof flags>[0] = {}) => resolveSettings('server', flags(values))
const problem = (run: () => unknown): string => {
  try {
    run()
  } catch (error) {
    expect(error).to.be.instanceOf(UsageError)
    return (error as Error).message
  }
  throw new Error('nothing was wrong')
}

describe('settings', () => {
  it("have the seed's defaults", () => {
    expect(server().settings).to.deep.include({
      tunName: 'mqvpn0',
      scheduler: 'wlb',
      logLevel: 'info',
      listen: { address: '0.0.0.0', port: 443 },
      subnet: '10.0.0.0/24',
      maxClients: 64,
      user: [],
    })
    expect(client().settings).to.deep.include({
      tunName: 'mqvpn0',
      scheduler: 'wlb',
      logLevel: 'info',
      server: { address: 'vpn', port: 443 },
      path: [],
      dns: [],
      insecure: false,
      manageRoutes: true,
      reconnect: true,
    })
  })

  it('take every value from its flag', () => {
    const both = {
      tunName: 'tun1',
      scheduler: 'minrtt',
      cc: 'cubic',
      mtu: '1400',
      authKey: 'k',
      authKeyFile: '/k',
      logLevel: 'debug',
      logFormat: 'json',
      control: '/c',
      stateDir: '/s',
      keyLog: '/l',
      qlog: '/q',
    }
    const onlyClient = {
      ...both,
      path: ['a', 'b:backup'],
      multipathDraft: '10',
      dns: ['1.1.1.1', '::1'],
      tlsServerName: 'n',
      insecure: 'true',
      allowedIps: ['10.0.0.0/8', '::/0'],
      exclude: ['192.168.1.0/24'],
      killSwitch: 'always',
      reconnectInterval: '5',
    }
    const { authKeyFile: _, ...once } = onlyClient
    expect(client({ ...once, duplicate: 'false', manageRoutes: 'false', reconnect: 'false' }).settings).to.deep.include(
      {
        ...once,
        mtu: 1400,
        path: [
          { device: 'a', backup: false },
          { device: 'b', backup: true },
        ],
        server: { address: 'vpn', port: 443 },
        duplicate: false,
        insecure: true,
        manageRoutes: false,
        reconnect: false,
        reconnectInterval: 5,
      },
    )
    const { authKey: __, ...other } = both
    const own = { subnet: '10.1.0.0/16', subnet6: 'fd00::/112', cert: '/c', key: '/k' }
    expect(
      server({ ...other, ...own, listen: '[::]:1', user: ['a:x', 'b:y'], maxClients: '2', nat: 'false' }).settings,
    ).to.deep.include({
      ...other,
      ...own,
      duplicate: true,
      nat: false,
      mtu: 1400,
      listen: { address: '::', port: 1 },
      user: [
        { name: 'a', key: 'x' },
        { name: 'b', key: 'y' },
      ],
      maxClients: 2,
    })
  })

  it('that are wrong are all told at once, each with its flag and what is right', () => {
    expect(problem(() => server({ listen: '443', subnet: '10.0.0.1/24', maxClients: '0', scheduler: 'wbl' }))).to.equal(
      [
        '--scheduler wbl: write minrtt or wlb; did you mean "wlb"?',
        '--listen 443: write an address as well: 0.0.0.0:443',
        '--subnet 10.0.0.1/24: is an address inside a network; the network is 10.0.0.0/24',
        '--max-clients 0: write a whole number from 1 to 65536',
      ].join('\n'),
    )
  })

  it('that are wrong in a list are told one by one, and how many may be', () => {
    expect(problem(() => client({ dns: ['1.1.1.1', 'x'] }))).to.equal('--dns x: write an IP address, such as 1.1.1.1')
    expect(problem(() => client({ dns: ['1.1.1.1', '1.0.0.1', '8.8.8.8', '8.8.4.4', '9.9.9.9'] }))).to.equal(
      '--dns: at most 4 of them',
    )
    expect(problem(() => client({ path: 'abcdefghi'.split('') }))).to.equal('--path: at most 8 of them')
    expect(problem(() => client({ path: ['a', 'b:spare'] }))).to.equal(
      '--path b:spare: write the name of a network interface, with :backup if it is one, such as wwan0:backup',
    )
    expect(problem(() => client({ path: ['a', 'b', 'a:backup'] }))).to.equal('--path a: this interface is given twice')
  })

  it('for routes, the kill switch and new tries say what is right', () => {
    expect(problem(() => client({ allowedIps: ['10.0.0.1/8', 'lan'], exclude: '::1/0' }))).to.equal(
      [
        '--allowed-ips 10.0.0.1/8: is an address inside a network; the network is 10.0.0.0/8',
        '--allowed-ips lan: write an IPv4 network, such as 192.168.1.0/24',
        '--exclude ::1/0: is an address inside a network; the network is ::/0',
      ].join('\n'),
    )
    expect(problem(() => client({ allowedIps: ['10.0.0.0/8'], exclude: ['fd00::/8', '10.0.0.0/8'] }))).to.equal(
      '--exclude 10.0.0.0/8: is also in --allowed-ips',
    )
    expect(problem(() => client({ killSwitch: 'maybe' }))).to.equal('--kill-switch maybe: write off, on or always')
    for (const word of ['true', 'yes', 'ON', '1']) {
      expect(client({ killSwitch: word }).settings).to.include({ killSwitch: 'on' })
    }
    for (const seconds of ['0', '3601', '5s', '0.5']) {
      expect(problem(() => client({ reconnectInterval: seconds }))).to.equal(
        `--reconnect-interval ${seconds}: write a whole number from 1 to 3600`,
      )
    }
    expect(client().settings).not.to.have.key('reconnectInterval')
  })

  it('of any length and any content are told in one short line each', () => {
    const long = problem(() =>
      client({ tunName: `a\nb\u001b[2J${'x'.repeat(1000)}`, server: `:\n${'1'.repeat(1000)}` }),
    )
    for (const line of long.split('\n')) expect(line).to.match(/^--(tun-name|server) .{1,500}$/)
    expect(long).not.to.include('\u001b')
  })

  it('with very many problems or users are judged in a moment', () => {
    const start = performance.now()
    const many = Array.from({ length: 50_000 }, (_, i) => `u${i}:k${i}`)
    expect(server({ user: many }).settings)
      .to.have.property('user')
      .with.length(50_000)
    const lines = problem(() => server({ user: many.map((_, i) => `u${i}`) })).split('\n')
    expect(lines.length).to.be.below(22)
    expect(problem(() => client({ dns: Array.from({ length: 200_000 }, () => 'x') })).split('\n')).to.have.length.below(
      4,
    )
    expect(performance.now() - start).to.be.below(5000)
  })

  it('that are secret are never shown', () => {
    expect(problem(() => client({ authKey: 'my secret' }))).to.equal(
      '--auth-key: a key has no blanks and only ASCII characters; `mqvpn genkey` makes one',
    )
    expect(problem(() => server({ user: ['anna my secret'] }))).to.equal('--user: write NAME:KEY')
  })

  it('of the other side are refused', () => {
    expect(problem(() => server({ path: 'eth0' }))).to.equal('--path: is for a client, and this is a server')
    expect(problem(() => client({ subnet: '10.0.0.0/24' }))).to.equal('--subnet: is for a server, and this is a client')
    for (const key of SETTING_KEYS) {
      if (settings[key].side === 'client') expect(problem(() => server({ [key]: 'x' }))).to.include('is for a client')
      if (settings[key].side === 'server') expect(problem(() => client({ [key]: 'x' }))).to.include('is for a server')
    }
  })

  it('tell which side this is, as the seed does', () => {
    expect(resolveSettings(null, flags({ listen: '0.0.0.0:1' })).side).to.equal('server')
    expect(resolveSettings(null, flags({ server: 'vpn' })).side).to.equal('client')
    expect(problem(() => resolveSettings(null, {}))).to.match(/mqvpn server.*mqvpn client.*--mode/)
    expect(problem(() => resolveSettings(null, flags({ listen: '0.0.0.0:1', server: 'vpn' })))).to.match(
      /--listen belongs to a server and --server to a client/,
    )
  })

  const pairs: [Parameters<typeof flags>[0], 'client' | 'server', RegExp][] = [
    [{ server: 'vpn', insecure: 'true', pin: 'ab'.repeat(32) }, 'client', /--insecure and --pin contradict/],
    [{ server: 'vpn', insecure: 'true', ca: '/ca' }, 'client', /--insecure and --ca contradict/],
    [{ server: 'vpn', ca: '/ca', pin: 'ab'.repeat(32) }, 'client', /--pin and --ca contradict/],
    [{ server: 'vpn', authKey: 'k', authKeyFile: '/k' }, 'client', /give the key once/],
    [{ cert: '/c' }, 'server', /--cert: a certificate needs its private key: --key PATH/],
    [{ key: '/k' }, 'server', /--key: this private key needs its certificate: --cert PATH/],
    [
      { acme: ['vpn.example'], cert: '/c', key: '/k' },
      'server',
      /--acme and --cert contradict.*\n--acme and --key contradict/,
    ],
    [{ acmeEmail: 'a@b.example' }, 'server', /--acme-email: says how .* add --acme DOMAIN/],
    [{ acmeDirectory: 'https://ca.example/d' }, 'server', /--acme-directory: says how/],
    [{ acme: ['*.vpn.example'] }, 'server', /--acme \*\.vpn\.example: a wildcard cannot be proven with http-01/],
    [{ acme: ['vpn.example'], acmeHttp: '0' }, 'server', /--acme-http 0: write a whole number from 1 to 65535/],
    [{ user: ['a:x', 'a:y'] }, 'server', /two users called a/],
    [{ user: ['a:x', 'b:x'] }, 'server', /a and b have the same key/],
    [{}, 'client', /a client needs a server: --server HOST:PORT/],
  ]
  for (const [values, side, message] of pairs) {
    it(`refuse ${side} ${Object.keys(values).join(' and ') || 'without a server'}`, () => {
      expect(problem(() => resolveSettings(side, flags(values)))).to.match(message)
    })
  }

  it('allow a pin beside Insecure = false', () => {
    expect(client({ insecure: 'false', pin: 'ab'.repeat(32) }).settings).to.include({ insecure: false })
  })
})
