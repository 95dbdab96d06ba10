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
  const log = { warn: (message: string) => void warnings.push(message) }
  before(() => (folder = mkdtempSync(join(tmpdir(), 'mqvpn-config-'))))
  after(() => rmSync(folder, { recursive: true }))
  beforeEach(() => (warnings = []))

  const file = (name: string, text: string, mode = 0o600): string => {
    const path = join(folder, name)
    writeFileSync(path, text)
    chmodSync(path, mode)
    return path
  }
  const flag = (value: string, origin: string) => [{ value, origin }]
  const load = (flags: RawSettings, env: NodeJS.ProcessEnv, config: string | null) =>
    loadSettings({ side: null, flags, env, file: config }, log).settings

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

  it('warn of a configuration file that others can read, when it holds a key', () => {
    load({}, {}, file('c', '[Server]\nAddress = a\n[Auth]\nKey = k\n', 0o644))
    expect(warnings).to.have.length(1)
    expect(warnings[0]).to.match(/chmod 600/)
    load({}, {}, file('d', '[Server]\nAddress = a\n', 0o644))
    expect(warnings).to.have.length(1)
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
    expect(() => load({}, {}, file('json', '{ "server_addr": "a" }'))).to.throw(/JSON files are not in this version/)
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
