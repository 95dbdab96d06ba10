import { CommanderError } from 'commander'
import { expect } from 'chai'
import { SETTING_KEYS, settings, type SettingKey } from './config/settings.js'
import { UsageError } from './errors.js'
import { program, type Request } from './program.js'

interface Outcome {
  requests: Request[]
  printed: string
  error: unknown
}

function parse(...words: string[]): Outcome {
  const outcome: Outcome = { requests: [], printed: '', error: null }
  const root = program((request) => outcome.requests.push(request))
  const keep = (text: string): void => void (outcome.printed += text)
  for (const command of [root, ...root.commands.flatMap((one) => [one, ...one.commands])])
    command.configureOutput({ writeOut: keep, writeErr: keep })
  try {
    root.parse(words, { from: 'user' })
  } catch (error) {
    outcome.error = error
  }
  return outcome
}

function run(...words: string[]): Extract<Request, { verb: 'run' }> {
  const { requests, error } = parse(...words)
  expect(error).to.equal(null)
  expect(requests).to.have.length(1)
  const [request] = requests
  if (request?.verb !== 'run') throw new Error(`not a run: ${JSON.stringify(request)}`)
  return request
}

const texts = (request: Extract<Request, { verb: 'run' }>) =>
  Object.fromEntries(Object.entries(request.flags).map(([key, given]) => [key, given.map(({ value }) => value)]))

/** A value that every flag takes at this stage. */
const words = (key: SettingKey): string[] => [settings[key].flag, ...(settings[key].kind === 'switch' ? [] : ['v'])]

describe('the command line', () => {
  it('knows every setting, in every spelling of the command', () => {
    for (const key of SETTING_KEYS) {
      const value = settings[key].kind === 'switch' ? `${settings[key].means ?? true}` : 'v'
      const expected = { [key]: [value] }
      expect(texts(run('server', ...words(key)))).to.deep.equal(expected)
      expect(texts(run('client', ...words(key)))).to.deep.equal(expected)
      expect(texts(run('--mode', 'client', ...words(key)))).to.deep.equal(expected)
      expect(run('client', ...words(key)).flags[key]?.[0]?.origin).to.equal(settings[key].flag)
    }
  })

  it('gives nothing that was not written', () => {
    expect(run('server')).to.deep.equal({ verb: 'run', side: 'server', config: null, flags: {} })
    expect(run('--config', '/c')).to.deep.equal({ verb: 'run', side: null, config: '/c', flags: {} })
  })

  it('takes invitations, on both sides', () => {
    expect(run('client', 'mqvpn://vpn#k', '--path', 'eth0')).to.deep.include({
      side: 'client',
      invitation: 'mqvpn://vpn#k',
    })
    expect(run('client', '-')).to.have.property('invitation', '-')
    expect(run('client', '@f')).to.have.property('invitation', '@f')
    expect(run('server', '--invite')).to.have.property('invite', true)
    expect(run('server', '--invite', '--listen', 'v')).to.deep.include({ invite: true })
    expect(run('server', '--invite', 'anna')).to.have.property('invite', 'anna')
    expect(run('--mode', 'server', '--invite', 'anna')).to.have.property('invite', 'anna')
    expect(parse('mqvpn://vpn#k').error).to.have.property(
      'message',
      "an invitation is for a client: mqvpn client 'mqvpn://…'",
    )
    expect(parse('invite', '-', '--write', 'f').requests).to.deep.equal([
      { verb: 'invite', request: { given: '-', write: 'f', force: false } },
    ])
  })

  it("takes the seed's examples", () => {
    const client = run(
      ...['--mode', 'client', '--server', '203.0.113.1:443', '--auth-key', 'k'],
      ...['--path', 'eth0', '--path', 'wlan0', '--dns', '1.1.1.1', '--dns', '8.8.8.8', '--insecure'],
    )
    expect(client.side).to.equal('client')
    expect(texts(client)).to.deep.equal({
      server: ['203.0.113.1:443'],
      authKey: ['k'],
      path: ['eth0', 'wlan0'],
      dns: ['1.1.1.1', '8.8.8.8'],
      insecure: ['true'],
    })
    const flags = ['--listen', '0.0.0.0:4433', '--subnet', '10.0.0.0/24', '--cert', 'c', '--key', 'k']
    expect(Object.keys(run('--mode', 'server', ...flags, '--max-clients', '3').flags)).to.have.length(5)
    expect(parse('--genkey').requests).to.deep.equal([{ verb: 'genkey' }])
  })

  it("has every flag of the seed's Usage in its help", () => {
    const help = parse('--help').printed
    const seed = [
      ...['--config', '--mode', '--genkey', '--scheduler', '--log-level', '--tun-name', '--help', '--server', '--path'],
      ...['--auth-key', '--dns', '--insecure', '--listen', '--subnet', '--cert', '--key', '--max-clients'],
    ]
    for (const flag of seed) expect(help, flag).to.match(new RegExp(`${flag}[ \\n]`))
    for (const part of ['minrtt|wlb', 'default: wlb', 'default: info', 'mqvpn0', '0.0.0.0:443', '10.0.0.0/24', '64']) {
      expect(help.replace(/\s+/g, ' ')).to.include(part)
    }
  })

  it('shows a side its own flags only', () => {
    expect(parse('client', '--help').printed).to.include('--server').and.not.include('--subnet')
    expect(parse('server', '--help').printed).to.include('--subnet').and.not.include('--insecure')
  })

  it('takes what both spellings share in front of the command too', () => {
    const request = run('--config', '/c', '--log-level', 'debug', 'client', '--server', 'vpn')
    expect(request).to.include({ side: 'client', config: '/c' })
    expect(texts(request)).to.deep.equal({ logLevel: ['debug'], server: ['vpn'] })
  })

  it('asks for a key with its hash, and for users', () => {
    expect(parse('genkey', '--hash').requests).to.deep.equal([{ verb: 'genkey', hash: true }])
    const where = { tun: null, control: null }
    expect(parse('user', 'list', '--json', '--name', 'tun7').requests).to.deep.equal([
      { verb: 'user', request: { action: 'list', json: true, tun: 'tun7', control: null } },
    ])
    const added = [
      'user',
      'add',
      'anna',
      '--address',
      '10.0.0.5',
      '--address',
      'fd00::5',
      '--allowed-ips',
      '10.9.0.0/16',
    ]
    const lists = { addresses: ['10.0.0.5', 'fd00::5'], networks: ['10.9.0.0/16'] }
    expect(parse(...added).requests).to.deep.equal([
      { verb: 'user', request: { action: 'add', user: 'anna', ...lists, ...where } },
    ])
    expect(parse('user', 'remove', 'anna', '--control', '/c').requests).to.deep.equal([
      { verb: 'user', request: { action: 'remove', name: 'anna', tun: null, control: '/c' } },
    ])
  })

  it('asks for a status', () => {
    expect(parse('status', '--json', '--watch', '--name', 'x').requests).to.deep.equal([
      { verb: 'status', options: { json: true, watch: true, name: 'x' } },
    ])
  })

  it('reads no default file when told so', () => {
    expect(run('server', '--no-config').config).to.equal(false)
    expect(run('--no-config', 'client', '--server', 'vpn').config).to.equal(false)
    expect(run('--no-config', '--listen', '0.0.0.0:1').config).to.equal(false)
  })

  it('asks about the configuration', () => {
    expect(parse('config', 'check', '/c').requests).to.deep.equal([
      { verb: 'config', request: { what: 'check', file: '/c', side: null } },
    ])
    expect(parse('config', 'check', '--mode', 'server', '/c').requests).to.have.nested.property(
      '[0].request.side',
      'server',
    )
    const nothing = { what: 'show', side: null, config: null, flags: {}, json: false, withSecrets: false }
    expect(parse('config', 'show').requests).to.deep.equal([{ verb: 'config', request: nothing }])
    const flags = ['--config', '/c', '--mode', 'client', '--json', '--with-secrets', '--no-reconnect', '--path', 'a']
    expect(parse('config', 'show', ...flags).requests).to.deep.equal([
      {
        verb: 'config',
        request: {
          what: 'show',
          side: 'client',
          config: '/c',
          flags: {
            reconnect: [{ value: 'false', origin: '--no-reconnect' }],
            path: [{ value: 'a', origin: '--path' }],
          },
          json: true,
          withSecrets: true,
        },
      },
    ])
    expect(parse('--log-level', 'debug', 'config', 'show', '--no-config').requests).to.deep.equal([
      {
        verb: 'config',
        request: { ...nothing, config: false, flags: { logLevel: [{ value: 'debug', origin: '--log-level' }] } },
      },
    ])
  })

  const wrong: [words: string[], message: RegExp][] = [
    [['server', '--lisen', 'x'], /unknown option '--lisen'\n\(Did you mean --listen\?\)/],
    [['--lisen', 'x'], /Did you mean --listen\?/],
    [['client', '--server'], /'--server <HOST:PORT>' argument missing/],
    [['client', 'mqvpn://x', 'extra'], /too many arguments/],
    [['status', '--watsch'], /Did you mean --watch\?/],
    [['config', 'check'], /missing required argument 'FILE'/],
    [['config', 'shwo'], /unknown command 'shwo'\n\(Did you mean show\?\)/],
    [['config', 'show', '--jsno'], /Did you mean --json\?/],
  ]
  for (const [line, message] of wrong) {
    it(`refuses ${line.join(' ')}`, () => {
      const { error, printed, requests } = parse(...line)
      expect(error).to.be.instanceOf(CommanderError).with.property('exitCode', 1)
      expect(printed)
        .to.match(message)
        .and.to.match(/^mqvpn: /)
      expect(requests).to.deep.equal([])
    })
  }

  const usage: [words: string[], message: RegExp][] = [
    [['serve'], /no command "serve"; did you mean "server"\?/],
    [['--mode', 'srever'], /--mode srever: write client or server; did you mean "server"\?/],
    [['--mode', 'client', 'server'], /mqvpn server` and --mode client contradict/],
    [['server', '--listen', '0.0.0.0:1', '--listen', '0.0.0.0:2'], /--listen: stands here a second time/],
    [['--config', '/a', '--config', '/b'], /--config: stands here a second time/],
    [['server', '--config', '/a', '--no-config'], /--config and --no-config contradict each other/],
    [['--no-config', '--config', '/a'], /--config and --no-config contradict each other/],
    [['config', 'check', '/c', '--mode', 'x'], /--mode x: write client or server/],
  ]
  for (const [line, message] of usage) {
    it(`refuses ${line.join(' ')}`, () => {
      const { error, requests } = parse(...line)
      expect(error).to.be.instanceOf(UsageError).with.property('message').that.matches(message)
      expect(requests).to.deep.equal([])
    })
  }

  it('does not show a word that may be a key', () => {
    const { error } = parse('--auth-key', 'a', 'mPyVpoQWcp/5gr404xvS19aRC03o0XS2mrb2tZJ1Ii4=')
    expect(error).to.be.instanceOf(UsageError).with.property('message').that.does.not.include('mPy')
  })
})
