import { expect } from 'chai'
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { UsageError } from '../errors.js'
import { selfSigned } from '../server/certificate.js'
import { configCommand, type ConfigRequest } from './command.js'
import { parseIni } from './ini.js'
import type { RawSettings } from './raw.js'
import { resolveSettings } from './resolve.js'
import { parseJsonConfig } from './json.js'

const KEY = 'mPyVpoQWcp/5gr404xvS19aRC03o0XS2mrb2tZJ1Ii4='

describe('mqvpn config', () => {
  let folder: string
  beforeEach(() => (folder = mkdtempSync(join(tmpdir(), 'mqvpn-config-'))))
  afterEach(() => rmSync(folder, { recursive: true }))

  const file = (name: string, text: string, mode = 0o600): string => {
    const path = join(folder, name)
    writeFileSync(path, text)
    chmodSync(path, mode)
    return path
  }
  const ask = (request: ConfigRequest, env: NodeJS.ProcessEnv = {}) => {
    const said = { out: '', err: '' }
    const code = configCommand(request, {
      env,
      out: (text) => void (said.out += text),
      err: (text) => void (said.err += text),
      defaults: { client: join(folder, 'client.conf'), server: join(folder, 'server.conf') },
    })
    expect(code).to.equal(0)
    return said
  }
  const check = (path: string, side: 'client' | 'server' | null = null) => ask({ what: 'check', file: path, side })
  const show = (more: Partial<Extract<ConfigRequest, { what: 'show' }>>, env?: NodeJS.ProcessEnv) =>
    ask({ what: 'show', side: null, config: null, flags: {}, json: false, withSecrets: false, ...more }, env)
  const flag = (value: string, origin: string) => [{ value, origin }]

  describe('check', () => {
    it('says in one line that a file is right, and of which side', () => {
      const client = file('c', `[Server]\nAddress = vpn\n[Auth]\nKey = ${KEY}\n`)
      expect(check(client)).to.deep.equal({ out: `${client}: ok, a client configuration\n`, err: '' })
      const server = file('s.json', `{"listen": "0.0.0.0:443", "auth_key": "${KEY}"}`)
      expect(check(server)).to.deep.equal({ out: `${server}: ok, a server configuration\n`, err: '' })
    })

    it('tells every problem, each with its line', () => {
      const path = file('c', '[Server]\nAddress = vpn:0\nPni = x\n[Interface]\nMTU = 3\n')
      expect(() => check(path))
        .to.throw(UsageError)
        .with.property(
          'message',
          [
            `${path}:3: Pni: unknown key of [Server]; did you mean "Pin"?`,
            `${path}:5: MTU = 3: write 1280 to 9000, or 0 for automatic`,
            `${path}:2: Address = vpn:0: the port is a number from 1 to 65535`,
          ].join('\n'),
        )
      const other = file('d', '[Server]\nAddress = vpn\nPin = x\nCA = /y\n[Interface]\nSubnet = 10.0.0.0/24\n')
      expect(() => check(other))
        .to.throw(UsageError)
        .with.property('message')
        .that.matches(
          /^.*d:6: Subnet: is for a server, and this is a client\n.*d:3: Pin and .*d:4: CA contradict.*\n.*d:3: Pin = x: write the 64/,
        )
    })

    it('looks at the files that are named, too', () => {
      const open = file('open.key', KEY, 0o644)
      const client = file('c', `[Server]\nAddress = vpn\nCA = ${folder}/no-ca\n[Auth]\nKeyFile = ${open}\n`)
      expect(() => check(client))
        .to.throw(UsageError)
        .with.property('message')
        .that.matches(/^\S+c:5: KeyFile: \S+open.key: every user.*chmod 600.*\n\S+c:3: CA: \S+no-ca: ENOENT/)
    })

    it('looks whether certificate and private key belong together', async () => {
      const [one, other] = await Promise.all([selfSigned(['vpn'], new Date()), selfSigned(['vpn'], new Date())])
      const cert = file('one.crt', one.certificate)
      const server = (certFile: string, keyFile: string): string =>
        file(
          's',
          `[Interface]\nListen = 0.0.0.0:1\n[TLS]\nCert = ${certFile}\nKey = ${keyFile}\n[Auth]\nKey = ${KEY}\n`,
        )
      const key = file('one.key', one.key)
      expect(check(server(cert, key)).out).to.match(/: ok, a server configuration\n$/)
      expect(() => check(server(cert, file('other.key', other.key)))).to.throw(
        UsageError,
        /^\S+s:5: Key: \S+other.key is not the private key of --cert/,
      )
      expect(() => check(server(cert, file('open.key', one.key, 0o644)))).to.throw(UsageError, /s:5: Key: .*every user/)
      expect(() => check(server(`${folder}/no-crt`, key))).to.throw(UsageError, /s:4: Cert: .*no-crt: there is no such/)
    })

    it('asks which side it is when the file does not say', () => {
      const path = file('c', '[Interface]\nMTU = 1400\n')
      expect(() => check(path)).to.throw(UsageError, /neither Listen .* nor Address .*--mode server or --mode client/)
      const { out, err } = check(path, 'server')
      expect(out).to.equal(`${path}: ok, a server configuration\n`)
      expect(err).to.match(/^mqvpn: warning: \S+c: has no key; it has to come from/)
    })
  })

  describe('show', () => {
    it('tells every value and where it comes from, keys hidden', () => {
      const config = file(
        'c',
        `[Server]\nAddress = vpn\n[Auth]\nKey = ${KEY}\n[Multipath]\nPath = eth0\nPath = wwan0:backup\n`,
      )
      const { out, err } = show({ config, flags: { mtu: flag('auto', '--mtu') } }, { SSLKEYLOGFILE: '/l' })
      expect(err).to.equal('')
      const lines = out.split('\n').map((line) => line.replace(/ +/g, ' '))
      expect(lines[0]).to.equal(`# client, ${config}`)
      for (const line of [
        `Address = vpn:443 # ${config}:2`,
        `Key = (hidden by config show) # ${config}:4`,
        `Path = eth0 # ${config}:6`,
        `Path = wwan0:backup # ${config}:7`,
        'MTU = 0 # --mtu',
        'KeyLog = /l # environment, SSLKEYLOGFILE',
        'TunName = mqvpn0 # default',
        '# Pin = # default',
      ]) {
        expect(lines).to.include(line)
      }
      expect(out).not.to.include(KEY)
    })

    it('hides what would give a key away in every form, and shows it when asked to', () => {
      const config = file('s', `[Interface]\nListen = [::]:443\n[Auth]\nKey = ${KEY}1\nUser = anna:${KEY}2\n`)
      for (const json of [false, true]) {
        const hidden = show({ config, json }).out
        expect(hidden).to.include('anna:(hidden by config show)').and.not.include(KEY)
        expect(show({ config, json, withSecrets: true }).out)
          .to.include(`${KEY}1`)
          .and.include(`anna:${KEY}2`)
      }
      // What was hidden cannot be taken for a key.
      const { raw } = parseJsonConfig(show({ config, json: true }).out, 'f')
      expect(() => resolveSettings(null, raw)).to.throw(UsageError, /Auth\.Key: the key was left out.*--with-secrets/)
    })

    it('takes a key of the environment as one of it', () => {
      const { out } = show({ flags: { server: flag('vpn', '--server') } }, { MQVPN_AUTH_KEY: KEY })
      expect(out).to.match(/^Key = \(hidden by config show\) +# environment, MQVPN_AUTH_KEY$/m)
      expect(out.split('\n')[0]).to.equal('# client, no file')
    })

    it('is an INI file with the same settings', () => {
      const flags: RawSettings = { server: flag('[::1]:1', '--server'), exclude: flag('10.0.0.0/8', '--exclude') }
      const { raw, problems } = parseIni(show({ flags, withSecrets: true }).out, 'f')
      expect(problems).to.deep.equal([])
      expect(resolveSettings(null, raw)).to.deep.equal(resolveSettings(null, flags))
    })

    it('takes the default file, of the side that there is one of', () => {
      file('server.conf', '[Interface]\nSubnet = 10.7.0.0/16\n')
      expect(show({}).out)
        .to.match(/^# server, .*server\.conf/)
        .and.match(/^Subnet = 10\.7\.0\.0\/16 +# .*server\.conf:2$/m)
      expect(show({ side: 'server', config: false }).out).to.match(/^# server, no file/)
      file('client.conf', '[Server]\nAddress = vpn\n')
      expect(() => show({})).to.throw(UsageError, /which side/)
      expect(show({ side: 'client' }).out).to.match(/^# client, .*client\.conf/)
    })
  })
})
