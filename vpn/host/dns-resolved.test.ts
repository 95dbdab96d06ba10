/** Against a script in place of resolvectl that writes down its arguments: a real systemd-resolved was not run here. */
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import { createLog } from '../log.js'
import { planDns, dnsKind, type DnsNote } from './dns.js'
import { RESOLVED_PLACES, usesResolved, type ResolvedPlaces } from './dns-resolved.js'

const SERVERS = ['1.1.1.1', '2606:4700::1111']

describe('DNS by systemd-resolved (a script in place of resolvectl)', () => {
  let directory: string
  let places: ResolvedPlaces
  let resolvConf: string
  const pathBefore = process.env['PATH']
  const log = createLog({
    level: 'error',
    format: 'text',
    colour: false,
    now: () => new Date(0),
    err: () => undefined,
    out: () => undefined,
  })

  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'mqvpn-dns-'))
    places = { runDirectory: join(directory, 'resolve'), devices: join(directory, 'net') }
    resolvConf = join(directory, 'resolv.conf')
    for (const folder of [places.runDirectory, places.devices, join(places.devices, 'mqvpn0'), join(directory, 'bin')])
      mkdirSync(folder)
    writeFileSync(join(places.runDirectory, 'stub-resolv.conf'), 'nameserver 127.0.0.53\noptions edns0\n')
    symlinkSync(join(places.runDirectory, 'stub-resolv.conf'), resolvConf)
    // Nothing but it is found, so that the machine's own resolvectl can never be run.
    process.env['PATH'] = join(directory, 'bin')
    resolvectl('')
  })
  afterEach(() => {
    process.env['PATH'] = pathBefore
    rmSync(directory, { recursive: true })
  })

  /** @param body what it does after it has noted its arguments */
  function resolvectl(body: string): void {
    const script = join(directory, 'bin', 'resolvectl')
    writeFileSync(script, `#!/bin/sh\necho "$*" >> ${directory}/calls\n${body}\n`)
    chmodSync(script, 0o755)
    writeFileSync(join(directory, 'calls'), '')
  }
  const calls = (): string[] => readFileSync(join(directory, 'calls'), 'utf8').split('\n').filter(Boolean)
  const plan = (): Promise<DnsNote> => planDns('mqvpn0', SERVERS, { path: resolvConf, places, searchDomains: ['lab'] })
  const kind = () => dnsKind(log, places)
  const problem = (promise: Promise<unknown>): Promise<string> =>
    promise.then(
      () => 'none',
      (error: unknown) => (error as Error).message,
    )

  it('is chosen when it runs, answers, and resolv.conf leads to its stub', async () => {
    expect(await plan()).to.deep.equal({
      method: 'resolved',
      tunName: 'mqvpn0',
      servers: SERVERS,
      searchDomains: ['lab'],
    })
    expect(calls()).to.deep.equal(['status'])
  })

  it('is chosen when resolv.conf is a file that names only its stub', async () => {
    rmSync(resolvConf)
    writeFileSync(resolvConf, '# static\nnameserver 127.0.0.53\n')
    expect((await plan()).method).to.equal('resolved')
  })

  const otherwise: [string, () => void][] = [
    ['it does not run', () => rmSync(places.runDirectory, { recursive: true })],
    ['it does not answer', () => resolvectl('exit 1')],
    ['there is no resolvectl', () => rmSync(join(directory, 'bin', 'resolvectl'))],
    [
      'resolv.conf names another server',
      () => {
        rmSync(resolvConf)
        writeFileSync(resolvConf, 'nameserver 127.0.0.53\nnameserver 192.168.1.1\n')
      },
    ],
    [
      'resolv.conf is its list of real servers',
      () => {
        rmSync(resolvConf)
        writeFileSync(join(places.runDirectory, 'resolv.conf'), 'nameserver 192.168.1.1\n')
        symlinkSync(join(places.runDirectory, 'resolv.conf'), resolvConf)
      },
    ],
    ['there is no resolv.conf', () => rmSync(resolvConf)],
  ]
  for (const [when, change] of otherwise) {
    it(`is not chosen when ${when}`, async () => {
      change()
      expect(await usesResolved(resolvConf, places)).to.equal(false)
      expect(await problem(plan().then(({ method }) => method))).to.not.equal('resolved')
    })
  }

  it('gets the servers, every domain and the default route of the link, in this order, and nothing else', async () => {
    const note = await plan()
    resolvectl('')
    await kind().apply(note)
    expect(calls()).to.deep.equal([
      'dns mqvpn0 1.1.1.1 2606:4700::1111',
      'domain mqvpn0 ~. lab',
      'default-route mqvpn0 true',
    ])
    expect(readFileSync(resolvConf, 'utf8')).to.equal('nameserver 127.0.0.53\noptions edns0\n')
  })

  it('is put back by `revert`, as often as somebody asks', async () => {
    const note = JSON.parse(JSON.stringify(await plan())) as DnsNote
    resolvectl('')
    await kind().undo(note)
    await kind().undo(note)
    expect(calls()).to.deep.equal(['revert mqvpn0', 'revert mqvpn0'])
  })

  it('is not asked to revert a device that is gone, nor when it is gone itself', async () => {
    const note = await plan()
    resolvectl('exit 1')
    rmSync(join(places.devices, 'mqvpn0'), { recursive: true })
    await kind().undo(note)
    mkdirSync(join(places.devices, 'mqvpn0'))
    rmSync(places.runDirectory, { recursive: true })
    await kind().undo(note)
    expect(calls()).to.deep.equal([])
  })

  it('may lose the device while it reverts', async () => {
    const note = await plan()
    resolvectl(`/bin/rm -r ${join(places.devices, 'mqvpn0')}; echo 'Failed to resolve interface' >&2; exit 1`)
    await kind().undo(note)
    expect(calls()).to.deep.equal(['revert mqvpn0'])
  })

  it('is quoted when it refuses', async () => {
    const note = await plan()
    resolvectl(`[ "$1" = domain ] && { echo 'Failed to set domain: Access denied' >&2; exit 1; }; exit 0`)
    expect(await problem(kind().apply(note))).to.match(
      /`resolvectl domain mqvpn0 ~\. lab`: Failed to set domain: Access denied; .*leave out --dns/,
    )
    resolvectl(`echo 'Failed to revert' >&2; exit 1`)
    expect(await problem(kind().undo(note))).to.equal('`resolvectl revert mqvpn0`: Failed to revert')
    rmSync(join(directory, 'bin', 'resolvectl'))
    expect(await problem(kind().undo(note))).to.contain('there is no program resolvectl')
  })

  it('is looked for where systemd has it', () => {
    expect(RESOLVED_PLACES).to.deep.equal({ runDirectory: '/run/systemd/resolve', devices: '/sys/class/net' })
  })
})
