import { expect } from 'chai'
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { UsageError } from '../errors.js'
import { loadSettings } from './load.js'
import { readAuthKeyFile, exposure, readFile } from './private-file.js'
import type { RawSettings } from './raw.js'

describe('sources of settings', () => {
  let folder: string
  let warnings: string[]
  let debug: string[]
  const log = {
    warn: (message: string) => void warnings.push(message),
    debug: (message: string) => void debug.push(message),
  }
  before(() => (folder = mkdtempSync(join(tmpdir(), 'mqvpn-config-'))))
  after(() => rmSync(folder, { recursive: true }))
  beforeEach(() => {
    warnings = []
    debug = []
  })

  const file = (name: string, text: string, mode = 0o600): string => {
    const path = join(folder, name)
    writeFileSync(path, text)
    chmodSync(path, mode)
    return path
  }
  const flag = (value: string, origin: string) => [{ value, origin }]
  const load = (flags: RawSettings, env: NodeJS.ProcessEnv, config: string | null) =>
    loadSettings({ side: null, flags, env, file: config, defaults: { client: '/none', server: '/none' } }, log).settings

  it('are flags before the environment before the file', () => {
    const config = file('c', '[Server]\nAddress = a\n[Auth]\nKey = file\n[Multipath]\nPath = x\nPath = y\n')
    expect(load({}, {}, config)).to.deep.include({
      authKey: 'file',
      path: ['x', 'y'].map((device) => ({ device, backup: false })),
      server: { address: 'a', port: 443 },
    })
    expect(load({}, { MQVPN_AUTH_KEY: 'env' }, config)).to.include({ authKey: 'env' })
    const flags = { authKey: flag('flag', '--auth-key'), path: flag('z', '--path'), server: flag('b', '--server') }
    expect(load(flags, { MQVPN_AUTH_KEY: 'env' }, config)).to.deep.include({
      authKey: 'flag',
      path: [{ device: 'z', backup: false }],
      server: { address: 'b', port: 443 },
    })
  })

  it('have one key: a key file on the command line replaces those of environment and file', () => {
    const config = file('c', '[Server]\nAddress = a\n[Auth]\nKey = file\n')
    const found = load({ authKeyFile: flag('/k', '--auth-key-file') }, { MQVPN_AUTH_KEY: 'env' }, config)
    expect(found.authKey).to.equal(undefined)
    expect(found.authKeyFile).to.equal('/k')
  })

  it('know SSLKEYLOGFILE, and an empty variable is none', () => {
    const flags = { server: flag('a', '--server') }
    expect(load(flags, { SSLKEYLOGFILE: '/l' }, null).keyLog).to.equal('/l')
    expect(load(flags, { SSLKEYLOGFILE: '', MQVPN_AUTH_KEY: '' }, null)).not.to.have.any.keys('keyLog', 'authKey')
  })

  it('may have the key file in the file, behind a key that is given otherwise', () => {
    const config = file('c', '[Server]\nAddress = a\n[Auth]\nKeyFile = /k\n')
    expect(load({}, {}, config)).to.include({ authKeyFile: '/k' })
    expect(load({}, { MQVPN_AUTH_KEY: 'env' }, config))
      .to.include({ authKey: 'env' })
      .and.not.have.key('authKeyFile')
    expect(load({ authKey: flag('k', '--auth-key') }, {}, config)).not.to.have.key('authKeyFile')
    const both = file('both', '[Server]\nAddress = a\n[Auth]\nKey = k\nKeyFile = /k\n')
    expect(() => load({}, {}, both)).to.throw(`${both}:4: Key and ${both}:5: KeyFile: give the key once`)
  })

  describe('that hold a key', () => {
    const withKey = '[Server]\nAddress = a\n[Auth]\nKey = k\n'

    it('are said to be readable by others, with file, line, key and what to do', () => {
      const path = file('c', withKey, 0o644)
      load({}, {}, path)
      expect(warnings).to.deep.equal([
        `${path}:4: Key: every user of this machine can read the key in this file: chmod 600 ${path}`,
      ])
      load({}, {}, file('c', withKey, 0o660))
      expect(warnings[1]).to.match(/a group can change this file/)
      load({}, {}, file('c', withKey, 0o640))
      expect(warnings[2]).to.match(/a group can read the key/)
      load({}, {}, file('c', withKey, 0o600))
      load({}, {}, file('d', '[Server]\nAddress = a\n', 0o666))
      expect(warnings).to.have.length(3)
    })

    it('are refused when everybody can change them', () => {
      for (const text of [withKey, '{"server_addr": "a",\n\n "auth_key": "SECRET"}']) {
        expect(() => load({}, {}, file('c', text, 0o602)))
          .to.throw(UsageError, /c:[34](:2)?: (Key|auth_key): every user of this machine can change.*chmod 600/)
          .with.property('message')
          .that.does.not.include('SECRET')
      }
      const users = file('u', '[Interface]\nListen = 0.0.0.0:1\n[Auth]\nUser = a:SECRET\n', 0o666)
      expect(() => load({}, {}, users)).to.throw(UsageError, /u:4: User: every user/)
    })
  })

  describe('in the default files', () => {
    let defaults: { client: string; server: string }
    beforeEach(() => {
      defaults = {
        client: file('client.conf', '[Server]\nAddress = from-file\n[Interface]\nMTU = 1400\n'),
        server: file('server.conf', '[Interface]\nListen = 0.0.0.0:1\nSubnet = 10.1.0.0/16\n'),
      }
    })
    const found = (side: 'client' | 'server' | null, flags: RawSettings, config: string | null | false = null) =>
      loadSettings({ side, flags, env: {}, file: config, defaults }, log).settings

    it('are used by the side, under its flags, and that is said', () => {
      expect(found('client', {})).to.deep.include({ server: { address: 'from-file', port: 443 }, mtu: 1400 })
      expect(debug).to.deep.equal([`settings from ${defaults.client}, the default file; --no-config leaves it out`])
      expect(found('server', { listen: flag('0.0.0.0:2', '--listen') })).to.deep.include({
        listen: { address: '0.0.0.0', port: 2 },
        subnet: '10.1.0.0/16',
      })
    })

    it('are not used with --server, --no-config, another file or without a side', () => {
      const flags = { server: flag('b', '--server') }
      expect(found('client', flags)).to.deep.include({ server: { address: 'b', port: 443 }, mtu: 0 })
      expect(found('server', {}, false)).to.deep.include({ subnet: '10.0.0.0/24' })
      expect(found('server', {}, file('other', '[Interface]\nMTU = 1500\n'))).to.deep.include({
        subnet: '10.0.0.0/24',
        mtu: 1500,
      })
      expect(() => found(null, {})).to.throw(/which side is this/)
      rmSync(defaults.server)
      expect(found('server', {})).to.deep.include({ subnet: '10.0.0.0/24' })
    })

    it('that are wrong are told, and how to do without', () => {
      rmSync(defaults.client)
      mkdirSync(defaults.client)
      expect(() => found('client', {})).to.throw(UsageError, /default file \(--no-config leaves it out\) .*is a folder/)
      rmSync(defaults.client, { recursive: true })
    })
  })

  it('tell what is wrong in a file with file, line and key, and never half-apply it', () => {
    const config = file('bad', '[Server]\nAddress = a:0\n[Multipath]\nSchedular = wlb\n')
    expect(() => load({}, {}, config)).to.throw(
      UsageError,
      `${config}:4: Schedular: unknown key of [Multipath]; did you`,
    )
    const value = file('value', '[Server]\nAddress = a:0\n')
    expect(() => load({}, {}, value)).to.throw(
      UsageError,
      `${value}:2: Address = a:0: the port is a number from 1 to 65535`,
    )
    const both = file('both', '[Server]\nAdress = a\n[Interface]\nMTU = 3\n[Auth]\nKey = a b\n')
    expect(() => load({}, {}, both))
      .to.throw(UsageError)
      .with.property(
        'message',
        [
          `${both}:2: Adress: unknown key of [Server]; did you mean "Address"?`,
          `${both}:4: MTU = 3: write 1280 to 9000, or 0 for automatic`,
          `${both}:6: Key: a key has no blanks and only ASCII characters; \`mqvpn genkey\` makes one`,
        ].join('\n'),
      )
    expect(load({}, {}, file('json', '{ "server_addr": "a" }'))).to.deep.include({
      server: { address: 'a', port: 443 },
    })
    expect(() => load({}, {}, file('c.json', '[Server]\nAddress = a\n'))).to.throw(/c\.json:1:2: here goes a value/)
    expect(() => load({}, {}, file('utf16', '\0[\0S'))).to.throw(/utf16: is not a text in UTF-8/)
    expect(() => load({}, {}, join(folder, 'none'))).to.throw(/--config .*none: there is no such file/)
    mkdirSync(join(folder, 'folder'))
    expect(() => load({}, {}, join(folder, 'folder'))).to.throw(/is a folder/)
    expect(() => readFile('/dev/zero', '--config')).to.throw(/larger than 1 MiB/)
  })

  describe('key files', () => {
    it('hold one key, with or without a newline', () => {
      expect(readAuthKeyFile(file('k', 'abc=\n'), log)).to.equal('abc=')
      expect(readAuthKeyFile(file('k', 'abc='), log)).to.equal('abc=')
      expect(() => readAuthKeyFile(file('k', 'SECRET1\nSECRET2\n'), log)).to.throw(UsageError, /several lines/)
      expect(() => readAuthKeyFile(file('k', '\n'), log)).to.throw(/--auth-key-file \S+: the key is empty/)
      expect(() => readAuthKeyFile(file('k', 'SECRET 2'), log))
        .to.throw(/no blanks/)
        .not.with.property('message', /SECRET/)
      expect(() => readAuthKeyFile(join(folder, 'no-key'), log)).to.throw(/no such file/)
    })

    it('that everybody can read are refused; a group is said', () => {
      expect(() => readAuthKeyFile(file('k', 'abc', 0o644), log)).to.throw(UsageError, /every user.*chmod 600/)
      expect(() => readAuthKeyFile(file('k', 'abc', 0o602), log)).to.throw(UsageError, /chmod 600/)
      expect(warnings).to.deep.equal([])
      expect(readAuthKeyFile(file('k', 'abc', 0o640), log)).to.equal('abc')
      expect(warnings[0]).to.match(/a group can read it/)
    })

    it('may be pipes', () => {
      expect(exposure({ mode: 0o010666, isFile: () => false })).to.equal('nobody')
    })
  })
})
