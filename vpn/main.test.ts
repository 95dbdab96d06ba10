/** The command itself, as a user starts it. */
import { expect } from 'chai'
import { execa } from 'execa'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const MAIN = fileURLToPath(new URL('main.ts', import.meta.url))

describe('mqvpn', () => {
  let folder: string
  before(() => (folder = mkdtempSync(join(tmpdir(), 'mqvpn-main-'))))
  after(() => rmSync(folder, { recursive: true }))

  const mqvpn = (args: string[], env: Record<string, string> = {}) =>
    execa('node', ['--import', 'tsx', MAIN, ...args], {
      reject: false,
      stdin: 'ignore',
      extendEnv: false,
      // An empty folder stands for a package whose native parts were not built.
      env: { PATH: process.env['PATH'] ?? '', MQVPN_NATIVE_DIR: folder, ...env },
    })

  it('shows its help and version, and ends with 0', async () => {
    const [help, version] = await Promise.all([mqvpn(['--help']), mqvpn(['--version'])])
    expect([help.exitCode, version.exitCode]).to.deep.equal([0, 0])
    expect(help.stdout).to.include('--auth-key-file').and.to.include('Exit codes:')
    expect(version.stdout).to.match(/^mqvpn \d+\.\d+\.\d+/)
    expect(help.stderr + version.stderr).to.equal('')
  })

  it('shows its help as an error when nothing is asked for', async () => {
    const { exitCode, stdout, stderr } = await mqvpn([])
    expect(exitCode).to.equal(2)
    expect(stdout).to.equal('')
    expect(stderr).to.match(/^Usage: mqvpn/)
  })

  it('makes keys in both spellings', async () => {
    for (const { stdout, exitCode } of await Promise.all([mqvpn(['genkey']), mqvpn(['--genkey'])])) {
      expect(exitCode).to.equal(0)
      expect(stdout).to.match(/^[A-Za-z0-9+/]{43}=$/)
    }
  })

  it('ends with 2 for everything that is wrong on the command line, with one line each', async () => {
    const file = join(folder, 'client.conf')
    writeFileSync(file, '[Server]\nAdress = vpn\n')
    const lines: [string[], RegExp][] = [
      [['server', '--lisen', 'x'], /unknown option '--lisen'/],
      [['client', '--server', 'vpn', '--mtu', '3'], /^mqvpn: --mtu 3: write 1280 to 9000, or 0 for automatic$/m],
      [['server', '--no-config'], /^mqvpn: a server does not start without a key/],
      [['client', 'mqvpn://vpn#a b'], /^mqvpn: the invitation is wrong: the key: a key has no blanks/m],
      [['client', '--server', 'vpn', '--invite'], /^mqvpn: --invite: is for a server, and this is a client$/m],
      [['--config', file], /client\.conf:2: Adress: unknown key of \[Server\]; did you mean "Address"\?/],
    ]
    const results = await Promise.all(lines.map(([args]) => mqvpn(args)))
    results.forEach(({ exitCode, stderr }, i) => {
      expect(exitCode).to.equal(2)
      expect(stderr)
        .to.match(lines[i]![1])
        .and.not.match(/\n\s+at /)
    })
  })

  it('checks a file and shows what is in force, and starts nothing', async () => {
    const good = join(folder, 'good.json')
    const bad = join(folder, 'bad.json')
    const options = { mode: 0o600 }
    writeFileSync(good, '{\n  "server_addr": "vpn",\n  "auth_key": "a-key-that-is-long-enough"\n}', options)
    writeFileSync(bad, '{\n  "server_adr": "vpn",\n  "mtu": 3\n}', options)
    const [ok, wrong, text, json, warned] = await Promise.all([
      mqvpn(['config', 'check', good]),
      mqvpn(['config', 'check', bad]),
      mqvpn(['config', 'show', '--config', good, '--mtu', '1400']),
      mqvpn(['config', 'show', '--config', good, '--json']),
      mqvpn(['config', 'check', join(folder, 'none')]),
    ])
    expect([ok, wrong, text, json, warned].map(({ exitCode }) => exitCode)).to.deep.equal([0, 2, 0, 0, 2])
    expect(ok).to.include({ stdout: `${good}: ok, a client configuration`, stderr: '' })
    expect(wrong).to.include({
      stdout: '',
      stderr: [
        `mqvpn: ${bad}:2:3: server_adr: unknown key; did you mean "server_addr"?`,
        `mqvpn: ${bad}:3:3: mtu = 3: write 1280 to 9000, or 0 for automatic`,
      ].join('\n'),
    })
    expect(text.stdout)
      .to.match(/^MTU = 1400 +# --mtu$/m)
      .and.to.match(/^Address = vpn:443 +# \S+good\.json:2:3$/m)
      .and.not.include('a-key-that')
    expect(JSON.parse(json.stdout)).to.have.nested.property('Server.Address', 'vpn:443')
    expect(warned.stderr).to.match(/^mqvpn: config check \S+none: there is no such file$/)
  })

  it('ends with 3 when its native parts are missing, and leaves nothing', async () => {
    const args = [
      'server',
      '--no-config',
      '--state-dir',
      join(folder, 'state'),
      '--control',
      join(folder, 'run', 'c.sock'),
    ]
    const { exitCode, stderr } = await mqvpn(args, { MQVPN_AUTH_KEY: 'a-key-that-is-long-enough' })
    expect(exitCode).to.equal(3)
    expect(stderr)
      .to.match(/the native addon cannot be used/)
      .and.not.match(/a-key-that/)
  })

  it('ends with 1 when there is nobody to ask for a status', async () => {
    const { exitCode, stderr } = await mqvpn(['status', '--control', join(folder, 'none.sock')])
    expect(exitCode).to.equal(1)
    expect(stderr).to.match(/no mqvpn runs here/)
  })
})
