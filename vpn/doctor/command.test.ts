import { expect } from 'chai'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createSocket } from 'node:dgram'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { FakeMachine } from '../testing/fake-machine.js'
import { doctorCommand, renderFindings } from './command.js'
import type { Subject } from './examine.js'
import { thisMachine, type Machine } from './machine.js'

describe('mqvpn doctor', () => {
  let folder: string
  let written: string
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'mqvpn-doctor-'))
    written = ''
  })
  afterEach(() => rmSync(folder, { recursive: true }))

  const subject = (change: Partial<Subject> = {}): Subject => ({
    configFolder: folder,
    config: null,
    born: new Date('2026-05-01'),
    serverRuns: async () => false,
    runFolder: folder,
    ...change,
  })
  const run = (machine: Machine, json = false, change: Partial<Subject> = {}) =>
    doctorCommand(machine, subject(change), json, { write: (text) => (written += text), colour: false })

  it('ends with 0 when nothing fails, and says so', async () => {
    expect(await run(new FakeMachine())).to.equal(0)
    expect(written).to.match(/^ok {4}addon +the native addon is built\n/)
    expect(written).to.match(/\n\nall is well\n$/)
  })

  it('ends with 1 when something fails, with what to do in the next line', async () => {
    const machine = new FakeMachine()
    machine.feature = { tun: 'open /dev/net/tun: No such file or directory', udpGso: 'x' }
    expect(await run(machine)).to.equal(1)
    expect(written).to.match(/\nfail {2}tun .*\n +→ load the module/)
    expect(written).to.match(/\n1 that fail, 1 to know about\n$/)
  })

  it('writes JSON for programs', async () => {
    const machine = new FakeMachine()
    machine.programs.delete('nft')
    expect(await run(machine, true)).to.equal(0)
    const { ok, findings } = JSON.parse(written) as { ok: boolean; findings: object[] }
    expect(ok).to.equal(true)
    expect(findings).to.deep.include({
      check: 'firewall',
      level: 'warn',
      says: 'nft is not here: neither a server with NAT nor a kill switch',
      todo: 'install the package nftables',
    })
  })

  it('looks at what the configurations need: a port, a certificate, a firewall', async () => {
    const file = join(folder, 'server.conf')
    const text = `[Interface]\nListen = 0.0.0.0:4433\n[TLS]\nCert = ${folder}/c\nKey = ${folder}/k\n[Auth]\nKey = abcdefghijkl\n`
    writeFileSync(file, text, { mode: 0o600 })
    const machine = new FakeMachine()
    machine.files.set(file, text)
    machine.files.set(`${folder}/c`, 'rubbish')
    machine.programs.delete('nft')
    machine.ports.set(4433, 'EADDRINUSE')
    expect(await run(machine)).to.equal(1)
    expect(written).to.match(/fail {2}firewall /)
    expect(written).to.match(/ok {4}configuration .*server\.conf is right \(a server\)/)
    expect(written).to.match(/fail {2}port .*0\.0\.0\.0:4433 is in use/)
    expect(written).to.match(/fail {2}certificate .*is no certificate/)
    written = ''
    await run(machine, false, { serverRuns: async () => true })
    expect(written).to.match(/ok {4}port /)
  })

  it('tells every mistake of a configuration', async () => {
    const file = join(folder, 'x.conf')
    writeFileSync(file, '[Server]\nAdress = vpn\n', { mode: 0o600 })
    expect(await run(new FakeMachine(), false, { config: file })).to.equal(1)
    expect(written).to.match(/fail {2}configuration .*x\.conf:2: Adress: .*did you mean "Address"/)
  })

  it('warns of a key that others can read', async () => {
    writeFileSync(join(folder, 'client.conf'), '[Server]\nAddress = vpn\n[Auth]\nKey = abcdefghijkl\n', { mode: 0o644 })
    const machine = new FakeMachine()
    machine.files.set(join(folder, 'client.conf'), '')
    expect(await run(machine)).to.equal(0)
    expect(written).to.match(/warn {2}configuration .*client\.conf.*chmod 600/)
  })

  it('writes nothing of a name that could move the cursor', () => {
    const says = 'a\u001b[2J'
    expect(renderFindings([{ check: 'x', level: 'ok', says }], false)).not.to.include('\u001b')
  })

  describe('on this machine', () => {
    it('sees files, programs and ports as they are', async () => {
      const machine = thisMachine()
      writeFileSync(join(folder, 'f'), 'text', { mode: 0o640 })
      expect(machine.read(join(folder, 'f'))).to.equal('text')
      expect(machine.read(join(folder, 'none'))).to.equal(null)
      expect(machine.facts(join(folder, 'f'))).to.include({ mode: 0o640, uid: process.getuid!(), isFile: true })
      expect(machine.facts(join(folder, 'none'))).to.equal(null)
      expect(machine.list(folder)).to.deep.equal(['f'])
      expect(machine.list(join(folder, 'none'))).to.deep.equal([])
      expect([machine.writable(join(folder, 'f')), machine.writable(join(folder, 'none'))]).to.deep.equal([true, false])
      expect([await machine.has('node'), await machine.has('no-such-program')]).to.deep.equal([true, false])
      expect(await machine.run('node', '--print', '1+1')).to.equal('2')
      expect(await machine.run('node', '--no-such-flag')).to.equal(null)
      expect(await machine.run('no-such-program')).to.equal(null)
    })

    it('tells a port that is taken from one that is free, and leaves it free', async () => {
      const machine = thisMachine()
      const other = createSocket('udp4')
      await new Promise<void>((resolve) => other.bind(0, '127.0.0.1', resolve))
      const { port } = other.address()
      expect(await machine.udpPort('127.0.0.1', port)).to.equal('EADDRINUSE')
      await new Promise<void>((resolve) => other.close(() => resolve()))
      expect(await machine.udpPort('127.0.0.1', port)).to.equal(null)
      expect(await machine.udpPort('127.0.0.1', port)).to.equal(null)
      // TEST-NET-1 (RFC 5737) is no host's address.
      expect(await machine.udpPort('192.0.2.77', port)).to.equal('EADDRNOTAVAIL')
    })
  })
})
