/** Against folders in place of /proc/sys; what a kernel changes by itself is in test/tunnel/firewall.lab.test.ts. */
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { expect } from 'chai'
import type { Log } from '../log.js'
import { planForwarding, sysctlKind, type SysctlNote, type SysctlPlaces } from './sysctl.js'
import { writeSysctl } from './sysctl-files.js'

const IP4 = 'net/ipv4/ip_forward'
const IP6 = 'net/ipv6/conf/all/forwarding'
const RA = 'net/ipv6/conf/eth0/accept_ra'

const ORIGINAL = {
  [IP4]: '0',
  'net/ipv4/conf/all/accept_redirects': '0',
  'net/ipv4/conf/eth0/forwarding': '0',
  [IP6]: '0',
  'net/ipv6/conf/all/accept_ra': '1',
  'net/ipv6/conf/default/accept_ra': '1',
  'net/ipv6/conf/default/forwarding': '0',
  [RA]: '1',
  'net/ipv6/conf/eth0/forwarding': '0',
  'net/ipv6/conf/eth1/accept_ra': '0',
  'net/ipv6/conf/eth1/forwarding': '0',
  'net/ipv6/conf/lo/accept_ra': '1',
}

describe('kernel settings', () => {
  let directory: string
  let places: SysctlPlaces
  let lines: string[]
  const add = (message: string) => void lines.push(message)
  const log: Log = { debug: add, info: add, warn: add, error: add, announce: () => undefined }

  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'mqvpn-sysctl-'))
    lines = []
    places = { proc: join(directory, 'proc'), runDirectory: join(directory, 'run'), netns: directory }
    for (const [key, value] of Object.entries(ORIGINAL)) set(key, value)
  })
  afterEach(() => rmSync(directory, { recursive: true }))

  function set(key: string, value: string): void {
    mkdirSync(dirname(join(places.proc, key)), { recursive: true })
    writeFileSync(join(places.proc, key), `${value}\n`)
  }
  const get = (key: string) => readFileSync(join(places.proc, key), 'utf8').trim()
  const all = () => Object.fromEntries(Object.keys(ORIGINAL).map((key) => [key, get(key)]))
  const left = () => readdirSync(places.runDirectory)
  const kind = () => sysctlKind(log, places)
  const plan = (ipv6 = true) => planForwarding({ ipv6 }, places)

  it('are what they were after undo, which may come twice or alone', async () => {
    const note = await plan()
    await kind().undo(note)
    await kind().apply(note)
    expect([get(IP4), get(IP6), get(RA), get('net/ipv6/conf/default/accept_ra')]).to.deep.equal(['1', '1', '2', '2'])
    expect([get('net/ipv6/conf/eth1/accept_ra'), get('net/ipv6/conf/all/accept_ra')]).to.deep.equal(['0', '1'])
    for (let time = 0; time < 2; time++) {
      // The note comes from a file, and another process may undo it.
      await sysctlKind(log, places).undo(JSON.parse(JSON.stringify(note)) as SysctlNote)
      expect(all()).to.deep.equal(ORIGINAL)
      expect(left()).to.deep.equal([])
    }
  })

  it('of IPv6 are left alone without IPv6 clients', async () => {
    await kind().apply(await plan(false))
    expect(all()).to.deep.equal({ ...ORIGINAL, [IP4]: '1' })
  })

  it('that are right already are nobody’s to put back', async () => {
    set(IP4, '1')
    const note = await plan(false)
    await kind().apply(note)
    expect(left()).to.deep.equal([])
    await kind().undo(note)
    expect(get(IP4)).to.equal('1')
  })

  it('stay until the last of several servers ends, whichever is first', async () => {
    for (const order of [
      [0, 1],
      [1, 0],
    ]) {
      const notes: SysctlNote[] = []
      for (let server = 0; server < 2; server++) {
        const note = await plan()
        await kind().apply(note)
        notes.push(note)
      }
      await kind().undo(notes[order[0]!]!)
      expect([get(IP4), get(IP6), get(RA)]).to.deep.equal(['1', '1', '2'])
      await kind().undo(notes[order[1]!]!)
      expect(all()).to.deep.equal(ORIGINAL)
    }
    expect(left()).to.deep.equal([])
  })

  it('go with the one that needed them, while another needs others', async () => {
    const [four, both] = [await plan(false), await plan()]
    await kind().apply(four)
    await kind().apply(both)
    await kind().undo(both)
    expect(all()).to.deep.equal({ ...ORIGINAL, [IP4]: '1' })
    await kind().undo(four)
    expect(all()).to.deep.equal(ORIGINAL)
  })

  it('are not kept by a server that was killed, and come back by the next one', async () => {
    await kind().apply(await plan())
    const [file] = left()
    const state = JSON.parse(readFileSync(join(places.runDirectory, file!), 'utf8')) as {
      users: { startTime: string }[]
    }
    state.users[0]!.startTime = '1'
    writeFileSync(join(places.runDirectory, file!), JSON.stringify(state))
    const next = await plan()
    await kind().apply(next)
    await kind().undo(next)
    expect(all()).to.deep.equal(ORIGINAL)
    expect(left()).to.deep.equal([])
  })

  it('that somebody else has changed stay, and it is said', async () => {
    const note = await plan()
    await kind().apply(note)
    set(RA, '7')
    await kind().undo(note)
    expect(all()).to.deep.equal({ ...ORIGINAL, [RA]: '7' })
    expect(lines.join()).to.contain(`${RA}: somebody has changed it from 2 to 7; it stays`)
  })

  it('are put back when only some could be set', async () => {
    const writes = Object.keys((await plan()).values).length
    for (let failing = 0; failing < writes; failing++) {
      let count = 0
      const note = await plan()
      const broken = sysctlKind(log, places, (proc, key, value) => {
        if (count++ === failing) throw new Error('injected')
        writeSysctl(proc, key, value)
      })
      const outcome = await broken.apply(note).then(
        () => 'done',
        (error: unknown) => (error as Error).message,
      )
      expect(outcome).to.equal('injected')
      await kind().undo(note)
      expect(all()).to.deep.equal(ORIGINAL)
      expect(left()).to.deep.equal([])
    }
  })

  it('that cannot be put back are tried again', async () => {
    const note = await plan()
    await kind().apply(note)
    const broken = sysctlKind(log, places, (proc, key, value) => {
      if (key === IP4) throw new Error('injected')
      writeSysctl(proc, key, value)
    })
    const outcome = await broken.undo(note).then(
      () => 'done',
      (error: unknown) => (error as Error).message,
    )
    expect(outcome).to.equal('injected')
    expect(all()).to.deep.equal({ ...ORIGINAL, [IP4]: '1' })
    await kind().undo(note)
    expect(all()).to.deep.equal(ORIGINAL)
    expect(left()).to.deep.equal([])
  })

  it('of a kernel without IPv6 are a reason to say so', async () => {
    rmSync(join(places.proc, 'net/ipv6'), { recursive: true })
    const outcome = await kind()
      .apply(await plan())
      .then(
        () => 'done',
        (error: unknown) => (error as Error).message,
      )
    expect(outcome).to.match(
      /net\/ipv6\/conf\/all\/forwarding: is not there: this kernel has no IPv6; leave out --subnet6/,
    )
    expect(get(IP4)).to.equal('0')
    expect(left()).to.deep.equal([])
  })

  it('are changed by one at a time, and a lock that was left is nobody’s', async () => {
    const note = await plan()
    await kind().apply(note)
    const [file] = left()
    writeFileSync(join(places.runDirectory, `${file!}.lock`), `${process.pid} 1`)
    const notes = await Promise.all(Array.from({ length: 5 }, () => plan()))
    await Promise.all(notes.map((one) => kind().apply(one)))
    await Promise.all([note, ...notes].map((one) => kind().undo(one)))
    expect(all()).to.deep.equal(ORIGINAL)
    expect(left()).to.deep.equal([])
  })

  it('with a damaged file stay as they are', async () => {
    const note = await plan()
    await kind().apply(note)
    const [file] = left()
    writeFileSync(join(places.runDirectory, file!), '{')
    const outcome = await kind()
      .undo(note)
      .then(
        () => 'done',
        (error: unknown) => (error as Error).message,
      )
    expect(outcome).to.match(/sysctl-\d+\.json: is damaged/)
    expect(get(IP4)).to.equal('1')
  })
})
