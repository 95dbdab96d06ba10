import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import { VpnError } from '../errors.js'
import { createLog } from '../log.js'
import { HostChanges, recover } from './changes.js'
import { dnsKind, dnsRoutes, planDns } from './dns.js'
import { Journal } from './journal.js'

const THEIRS = 'nameserver 10.0.0.53\n'

describe('DNS servers of the tunnel', () => {
  let directory: string
  let path: string
  let said: string[]
  const log = createLog({
    level: 'info',
    format: 'text',
    colour: false,
    now: () => new Date(0),
    err: (text) => said.push(text),
    out: () => undefined,
  })
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'mqvpn-dns-'))
    path = join(directory, 'resolv.conf')
    writeFileSync(path, THEIRS)
    said = []
  })
  afterEach(() => rmSync(directory, { recursive: true }))

  /** Where no systemd-resolved runs. */
  const plan = (servers: string[], searchDomains: string[] = []) =>
    planDns('mqvpn0', servers, {
      path,
      searchDomains,
      places: { runDirectory: join(directory, 'none'), devices: directory },
    })
  const problem = async (servers: string[], searchDomains: string[] = []): Promise<string> => {
    try {
      await plan(servers, searchDomains)
    } catch (error) {
      expect(error).to.be.instanceOf(VpnError)
      return (error as Error).message
    }
    return 'none'
  }

  it('are applied, noted, and put back by the process that applied them', async () => {
    const journal = Journal.open('mqvpn0', directory)
    const changes = new HostChanges(journal, log)
    await changes.make(dnsKind(log), await plan(['1.1.1.1', '::1'], ['example.com']))
    expect(readFileSync(path, 'utf8')).to.match(/^nameserver 1\.1\.1\.1\nnameserver ::1\nsearch example\.com$/m)
    expect(journal.entries().map((entry) => entry.kind)).to.deep.equal(['dns'])
    await changes.undoAll()
    expect(readFileSync(path, 'utf8')).to.equal(THEIRS)
    expect([journal.entries(), said]).to.deep.equal([[], []])
  })

  it('are put back by another process, from the journal', async () => {
    await new HostChanges(Journal.open('mqvpn0', directory), log).make(dnsKind(log), await plan(['1.1.1.1']))
    expect(await recover(Journal.open('mqvpn0', directory), [dnsKind(log)], log)).to.deep.equal(['dns'])
    expect(readFileSync(path, 'utf8')).to.equal(THEIRS)
    expect(said).to.deep.equal([])
  })

  it('keep a note in the journal that cannot be understood', async () => {
    const journal = Journal.open('mqvpn0', directory)
    journal.add('dns', { method: 'resolv.conf', path })
    expect(await recover(journal, [dnsKind(log)], log)).to.deep.equal([])
    expect(said.join('')).to.contain('dns could not be put back: what was noted of it cannot be understood')
    expect(journal.entries()).to.have.length(1)
  })

  const wrong: [string[], string[], RegExp][] = [
    [[], [], /^--dns: no DNS server is given/],
    [['dns.example'], [], /^--dns dns\.example: write an IP address, such as 1\.1\.1\.1$/],
    [['1.1.1.1\nnameserver 6.6.6.6'], [], /write an IP address/],
    [['fe80::1'], [], /^--dns fe80::1: a link-local address is not reached through a tunnel/],
    [['fe80::1%eth0'], [], /link-local/],
    [['0.0.0.0'], [], /^--dns 0\.0\.0\.0: is no server's address/],
    [['::'], [], /^--dns ::: is no server's address/],
    [['1.1.1.1'], ['a b'], /^search domain "a b": write a name such as example\.com$/],
    [['1.1.1.1'], ['a\nnameserver 6.6.6.6'], /search domain "a\\nnameserver 6\.6\.6\.6"/],
    [['1.1.1.1'], ['~.'], /search domain/],
    [['1.1.1.1'], ['-a.example'], /search domain/],
    [['1.1.1.1'], [`${'a.'.repeat(127)}a`], /search domain/],
  ]
  for (const [servers, domains, message] of wrong) {
    it(`are not ${JSON.stringify([...servers, ...domains]).slice(0, 60)}`, async () => {
      expect(await problem(servers, domains)).to.match(message)
      expect(readFileSync(path, 'utf8')).to.equal(THEIRS)
    })
  }

  it('have a route of their own each, but for those on this host', () => {
    expect(
      dnsRoutes(['1.1.1.1', '2606:4700::1111', '127.0.0.1', '::1', '0:0:0:0:0:0:0:1', '::ffff:8.8.8.8', '1.1.1.1']),
    ).to.deep.equal(['1.1.1.1/32', '2606:4700::1111/128', '8.8.8.8/32'])
    expect(dnsRoutes([])).to.deep.equal([])
  })
})
