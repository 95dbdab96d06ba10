/** What holds for every text, not only for the files of the other tests. */
import { expect } from 'chai'
import fc from 'fast-check'
import { UsageError } from '../errors.js'
import { parseConfig } from './config-file.js'
import { FLAT_NAMES, namesIn, SECTIONS } from './keys.js'
import type { Loaded } from './load.js'
import type { RawSettings } from './raw.js'
import { resolveSettings, valueProblems, type Resolved } from './resolve.js'
import { settings, settingsOf, type SettingKey, type Side } from './settings.js'
import { showJson } from './show.js'

/** All that is done with a file, to its end. */
function judge(text: string, name: string): Resolved | null {
  try {
    const { raw, problems } = parseConfig(text, name)
    for (const problem of [...problems, ...valueProblems(raw)]) {
      expect(problem).to.match(/^(f[^:]*: is not a text|f[^:]*:\d+|and \d+ more)/)
      expect(problem).not.to.match(/[\n\u001b]/)
    }
    return problems.length > 0 ? null : resolveSettings(null, raw)
  } catch (error) {
    // Everything else would be a fault of the program, with a stack trace for the user.
    if (!(error instanceof UsageError)) throw error
    return null
  }
}

/** A run of 1000 texts; a single one that takes a second is found by fast-check's own limit. */
const LIMIT_MS = 60_000

const word = fc.oneof(
  fc.constantFrom(...FLAT_NAMES, ...SECTIONS, ...SECTIONS.flatMap(namesIn), '__proto__', 'constructor', 'toString'),
  fc.string({ maxLength: 12 }),
)
const value = fc.oneof(
  fc.constantFrom(
    'vpn',
    '0.0.0.0:443',
    'true',
    'no',
    '1400',
    'eth0',
    '10.0.0.0/8',
    '1.1.1.1, ::1',
    'wlb',
    '',
    '"',
    'a#b',
  ),
  fc.string({ unit: 'binary' }),
)

describe('configuration of any content', () => {
  it('in INI gives settings or a UsageError', () => {
    const line = fc.oneof(
      word.map((name) => `[${name}]`),
      fc.tuple(word, value).map(([key, text]) => `${key} = ${text}`),
      fc.string({ unit: 'binary' }),
      fc.constantFrom('[', ']', '[]', '=', '# x', ' ; y', '\r', '\uFEFF', '[Interface', 'Path'),
    )
    fc.assert(
      fc.property(fc.array(line, { maxLength: 30 }), (lines) => void judge(lines.join('\n'), 'f')),
      { numRuns: 1000, interruptAfterTimeLimit: LIMIT_MS, markInterruptAsFailure: true },
    )
  })

  it('in JSON gives settings or a UsageError', () => {
    const leaf = fc.oneof(value, fc.jsonValue(), fc.integer(), fc.boolean(), fc.array(value))
    const content = fc.dictionary(word, fc.oneof(leaf, fc.dictionary(word, leaf)))
    const text = fc.oneof(
      content.map((object) => JSON.stringify(object)),
      content.chain((object) => {
        const whole = JSON.stringify(object, null, 1)
        return fc
          .tuple(fc.nat(whole.length), fc.string())
          .map(([at, more]) => whole.slice(0, at) + more + whole.slice(at + 1))
      }),
      fc.string({ unit: 'binary' }),
    )
    fc.assert(
      fc.property(text, (json) => void judge(json, 'f.json')),
      {
        numRuns: 1000,
        interruptAfterTimeLimit: LIMIT_MS,
        markInterruptAsFailure: true,
      },
    )
  })

  it('of the largest size that is read is judged in a moment', () => {
    const mega = 1024 * 1024
    const repeated = (text: string): string => text.repeat(Math.floor(mega / text.length))
    const texts: [text: string, name: string][] = [
      [`[Auth]\n${Array.from({ length: 60_000 }, (_, i) => `User = u${i}:k`).join('\n')}`, 'f'],
      [`[Interface]\nListen = 0.0.0.0:1\nAllowedIPs = ${repeated('1.1.1.1,')}`, 'f'],
      [`[Interface]\nExclude = ${repeated('fd00::/8,')}\n[Server]\nAddress = ${repeated('a.')}`, 'f'],
      [`[Interface]\nLogLevel = ${repeated('x')}`, 'f'],
      [`{"dns": [${repeated('"x",')}"y"], "server_addr": "${repeated('1')}"}`, 'f.json'],
      [`{${repeated('"tun_nmae":0,')}"mtu": 0}`, 'f.json'],
      [`{${repeated('"mtu":0,\n')}"mtu": 0}`, 'f.json'],
      [repeated('{"a":'), 'f.json'],
      [repeated('['), 'f.json'],
      [`{"users": [${repeated('{"name":"a","key":"b"},')}"c:d"], "listen": "0.0.0.0:1"}`, 'f.json'],
    ]
    for (const [text, name] of texts) {
      const start = performance.now()
      judge(text, name)
      // What is quadratic takes minutes.
      expect(performance.now() - start, text.slice(0, 30)).to.be.below(8000)
    }
  })
})

/** Values that are right, as they are written. */
const path = fc.stringMatching(/^\/[ -~äß]{1,20}$/)
const host = fc.constantFrom('vpn.example.org', '203.0.113.1:4433', '[2001:db8::1]', '[::1]:1')
const key = fc.stringMatching(/^[!-~]{16,40}$/)
const truth = fc.constantFrom('true', 'false', 'yes', 'Off', '1')
const network = fc.constantFrom('10.0.0.0/8', '::/0', 'fd00::/8', '192.0.2.1', '2001:db8::1')
const other = fc.constantFrom('172.16.0.0/12', 'fe80::/10', '198.51.100.7')
const VALUES: Partial<Record<SettingKey, fc.Arbitrary<string | string[]>>> = {
  tunName: fc.stringMatching(/^[a-z]{1,15}$/),
  scheduler: fc.constantFrom('minrtt', 'WLB'),
  duplicate: truth,
  cc: fc.constantFrom('bbr', 'cubic', 'none'),
  mtu: fc.constantFrom('0', 'auto', '1280', '9000'),
  authKey: key,
  logLevel: fc.constantFrom('debug', 'warn'),
  logFormat: fc.constantFrom('text', 'json'),
  control: path,
  stateDir: path,
  metrics: fc.constantFrom('9100', '[::1]:9100', 'unix:/run/m.sock'),
  keyLog: path,
  qlog: path,
  server: host,
  path: fc.uniqueArray(fc.constantFrom('eth0', 'wlan0:backup', 'a#b', 'ä'), { maxLength: 4 }),
  multipathDraft: fc.constantFrom('10', '21'),
  pin: fc.constant('AB:'.repeat(31) + 'CD'),
  tlsServerName: fc.constantFrom('vpn', '::1'),
  dns: fc.array(fc.constantFrom('1.1.1.1', '::1'), { maxLength: 4 }),
  manageRoutes: truth,
  allowedIps: fc.array(network, { maxLength: 5 }),
  exclude: fc.array(other, { maxLength: 5 }),
  killSwitch: fc.constantFrom('on', 'always', 'false'),
  reconnect: truth,
  reconnectInterval: fc.constantFrom('1', '3600'),
  listen: fc.constantFrom('0.0.0.0:443', '[::]:0'),
  subnet: fc.constantFrom('10.0.0.0/24', '10.0.0.0/8'),
  subnet6: fc.constant('fd00::/112'),
  acme: fc.uniqueArray(fc.constantFrom('vpn.example', 'b.example'), { maxLength: 2 }),
  acmeHttp: fc.constantFrom('80', '8080'),
  user: fc.uniqueArray(fc.constantFrom('anna:a:b', 'bert:"', 'carl:\\', `dora:sha256:${'aB'.repeat(32)}`), {
    maxLength: 3,
  }),
  maxClients: fc.constantFrom('1', '65536'),
  clientToClient: truth,
  nat: truth,
}

describe('what `config show --json` prints', () => {
  for (const side of ['client', 'server'] as const satisfies Side[]) {
    it(`is a JSON file of a ${side} with the same settings`, () => {
      const record = Object.fromEntries(settingsOf(side).flatMap((one) => (VALUES[one] ? [[one, VALUES[one]]] : [])))
      const required = side === 'client' ? ['server'] : []
      const given = fc.record(record, { requiredKeys: required as never[] }).map((texts): RawSettings => {
        const entries = Object.entries(texts) as [SettingKey, string | string[]][]
        return Object.fromEntries(
          entries.map(([one, text]) => [
            one,
            [text].flat().map((part) => ({ value: part, origin: settings[one].flag })),
          ]),
        )
      })
      fc.assert(
        fc.property(given, (raw) => {
          const loaded: Loaded = { resolved: resolveSettings(side, raw), raw, file: null }
          const { raw: again, problems } = parseConfig(showJson(loaded, true), 'f.json')
          expect(problems).to.deep.equal([])
          expect(resolveSettings(null, again)).to.deep.equal(loaded.resolved)
        }),
        { numRuns: 300 },
      )
    })
  }

  it('has what excludes a pin and a key, too', () => {
    const raw: RawSettings = {
      server: [{ value: 'vpn', origin: '--server' }],
      insecure: [{ value: 'yes', origin: '--insecure' }],
      authKeyFile: [{ value: '/k', origin: '--auth-key-file' }],
    }
    const resolved = resolveSettings('client', raw)
    const { raw: again } = parseConfig(showJson({ resolved, raw, file: null }, false), 'f.json')
    expect(resolveSettings(null, again)).to.deep.equal(resolved)
  })

  it('has what belongs to a user, too', () => {
    const given = (key: SettingKey, ...values: string[]): RawSettings => ({
      [key]: values.map((value) => ({ value, origin: settings[key].flag })),
    })
    const raw: RawSettings = {
      ...given('user', 'anna:a-key', 'bert:b-key'),
      ...given('userAddress', 'anna:10.0.0.9', 'bert:10.0.0.10'),
      ...given('userAllowedIps', 'anna:192.168.7.0/24', 'anna:fd07::/64'),
    }
    const resolved = resolveSettings('server', raw)
    const { raw: again } = parseConfig(showJson({ resolved, raw, file: null }, true), 'f.json')
    expect(resolveSettings(null, again)).to.deep.equal(resolved)
  })
})
