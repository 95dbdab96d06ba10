import { spawn, type ChildProcess } from 'node:child_process'
import {
  chmodSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import { VpnError } from '../errors.js'
import { createLog } from '../log.js'
import { ownerOf, parse, render } from './dns-our-file.js'
import {
  applyResolvConf,
  planResolvConf,
  recoverResolvConf,
  undoResolvConf,
  type ResolvConfNote,
} from './dns-resolv-conf.js'

const THEIRS = '# by hand\nnameserver 10.0.0.53\nsearch home\n\toptions ndots:2'
const ASKED = { tunName: 'mqvpn0', servers: ['1.1.1.1'], searchDomains: [] }

describe('DNS by resolv.conf', () => {
  let directory: string
  let path: string
  let said: string[]
  const log = createLog({
    level: 'debug',
    format: 'text',
    colour: false,
    now: () => new Date(0),
    err: (text) => said.push(text),
    out: () => undefined,
  })
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'mqvpn-dns-'))
    path = join(directory, 'resolv.conf')
    said = []
  })
  afterEach(() => rmSync(directory, { recursive: true }))

  const file = (content = THEIRS, where = path): void => writeFileSync(where, content)
  const read = (where = path): string => readFileSync(where, 'latin1')
  const servers = (where = path): string[] =>
    [...read(where).matchAll(/^nameserver (.*)/gm)].map(([, server]) => server!)
  const apply = (): ResolvConfNote => {
    const note = planResolvConf(path, ASKED)
    applyResolvConf(note)
    return note
  }
  /** As another process has it: from a file. */
  const undo = (note: ResolvConfNote): void => undoResolvConf(JSON.parse(JSON.stringify(note)) as ResolvConfNote, log)
  const refusal = (act: () => unknown): string => {
    try {
      act()
    } catch (error) {
      expect(error).to.be.instanceOf(VpnError)
      return (error as Error).message
    }
    throw new Error('it was not refused')
  }

  it('writes its own, and puts back bytes, mode and time into the same inode', () => {
    file()
    chmodSync(path, 0o640)
    utimesSync(path, 1_600_000_000.25, 1_700_000_000.125)
    const before = statSync(path)
    const note = apply()
    expect(servers()).to.deep.equal(['1.1.1.1'])
    expect(statSync(path).ino).to.equal(before.ino)
    chmodSync(path, 0o600)
    undo(note)
    const after = statSync(path)
    expect(read()).to.equal(THEIRS)
    expect([after.ino, after.mode, after.uid, after.gid, after.mtimeMs]).to.deep.equal([
      before.ino,
      before.mode,
      before.uid,
      before.gid,
      before.mtimeMs,
    ])
    expect(said).to.deep.equal([])
  })

  it('plans without changing anything', () => {
    planResolvConf(path, ASKED)
    expect(readdirSync(directory)).to.deep.equal([])
    file()
    const before = statSync(path, { bigint: true })
    planResolvConf(path, ASKED)
    const after = statSync(path, { bigint: true })
    expect(read()).to.equal(THEIRS)
    expect([after.mtimeNs, after.ctimeNs]).to.deep.equal([before.mtimeNs, before.ctimeNs])
  })

  it('undoes nothing twice, and nothing that was never done', () => {
    file()
    undo(planResolvConf(path, ASKED))
    expect(read()).to.equal(THEIRS)
    const note = apply()
    undo(note)
    undo(note)
    expect(read()).to.equal(THEIRS)
    expect(said).to.deep.equal([])
  })

  it('finishes what a process that died had begun to put back', () => {
    file()
    chmodSync(path, 0o640)
    utimesSync(path, 1_600_000_000, 1_700_000_000.125)
    const note = apply()
    file()
    undo(note)
    expect([statSync(path).mode & 0o777, statSync(path).mtimeMs]).to.deep.equal([0o640, 1_700_000_000_125])
    const { ctimeNs } = statSync(path, { bigint: true })
    undo(note)
    expect(statSync(path, { bigint: true }).ctimeNs).to.equal(ctimeNs)
    expect(said).to.deep.equal([])
  })

  it('makes a file that was missing, readable for all, and removes it', () => {
    const note = apply()
    expect(servers()).to.deep.equal(['1.1.1.1'])
    expect(statSync(path).mode & 0o777).to.equal(0o644)
    undo(note)
    undo(note)
    expect(readdirSync(directory)).to.deep.equal([])
    expect(said).to.deep.equal([])
  })

  it('removes a file that was missing and that a process which died has only made', () => {
    const note = planResolvConf(path, ASKED)
    file('')
    undo(note)
    expect(readdirSync(directory)).to.deep.equal([])
    expect(said).to.deep.equal([])
  })

  for (const dangling of [false, true]) {
    it(`follows links, also relative ones, and keeps them${dangling ? ', where they lead to no file' : ''}`, () => {
      mkdirSync(join(directory, 'run'))
      const target = join(directory, 'run', 'real.conf')
      if (!dangling) file(THEIRS, target)
      symlinkSync('run/middle.conf', path)
      symlinkSync(target, join(directory, 'run', 'middle.conf'))
      const note = apply()
      expect(servers(target)).to.deep.equal(['1.1.1.1'])
      expect(readlinkSync(path)).to.equal('run/middle.conf')
      undo(note)
      expect(readlinkSync(path)).to.equal('run/middle.conf')
      if (dangling) expect(readdirSync(join(directory, 'run'))).to.deep.equal(['middle.conf'])
      else expect(read(target)).to.equal(THEIRS)
      expect(said).to.deep.equal([])
    })
  }

  it('leaves what another program has written, and says so', () => {
    file()
    const note = apply()
    file('nameserver 192.168.1.1\n')
    undo(note)
    expect(read()).to.equal('nameserver 192.168.1.1\n')
    expect(said.join('')).to.match(/warn .*resolv\.conf has been written by another program .* it stays like that/)
  })

  it('leaves a file removed that another program has removed, and says so', () => {
    file()
    const note = apply()
    rmSync(path)
    undo(note)
    expect(readdirSync(directory)).to.deep.equal([])
    expect(said.join('')).to.match(/warn .*resolv\.conf has been removed/)
  })

  it('restores what its link led to when the link leads elsewhere now', () => {
    const old = join(directory, 'old')
    file(THEIRS, old)
    symlinkSync(old, path)
    const note = apply()
    file('nameserver 192.168.1.1\n', join(directory, 'fresh'))
    renameSync(join(directory, 'fresh'), path)
    undo(note)
    expect(read(old)).to.equal(THEIRS)
    expect([read(), lstatSync(path).isSymbolicLink()]).to.deep.equal(['nameserver 192.168.1.1\n', false])
  })

  it('puts back what came between plan and write, not what was planned with', () => {
    file()
    const note = planResolvConf(path, ASKED)
    file('nameserver 192.168.1.1\n')
    applyResolvConf(note)
    undo(note)
    expect(read()).to.equal('nameserver 192.168.1.1\n')
  })

  it('restores from the note when the copy in the file is damaged, or the restoring process died half-way', () => {
    file()
    const note = apply()
    const ours = read()
    for (const damaged of [
      ours.replace(/^# mqvpn-original \{.*\n/m, ''),
      THEIRS + ours.slice(THEIRS.length),
      ours.slice(0, 200),
    ]) {
      file(damaged)
      undo(note)
      expect(read()).to.equal(THEIRS)
    }
  })

  describe('refuses, and leaves everything as it was,', () => {
    it('a folder', () => {
      mkdirSync(path)
      expect(refusal(apply)).to.match(/resolv\.conf: is not a file; repair it, or leave out --dns/)
    })

    it('a device', () => {
      symlinkSync('/dev/null', path)
      expect(refusal(apply)).to.equal(
        '/dev/null: is not a file; repair it, or leave out --dns and let the system find its DNS servers',
      )
    })

    it('a circle of links', () => {
      symlinkSync('b', path)
      symlinkSync('resolv.conf', join(directory, 'b'))
      expect(refusal(apply)).to.match(/resolv\.conf: its symbolic links lead in a circle/)
    })

    it('a link into a folder that does not exist', () => {
      symlinkSync('gone/resolv.conf', path)
      expect(refusal(apply)).to.match(/gone\/resolv\.conf cannot be written: its folder .*gone does not exist; make it/)
    })

    it('a file that is far too large', () => {
      file('#'.repeat(65_537))
      expect(refusal(apply)).to.match(/has 65537 bytes, which is no resolv\.conf/)
    })
  })

  it('does not fail to undo when something odd is in its place', () => {
    file()
    const note = apply()
    rmSync(path)
    mkdirSync(path)
    undo(note)
    expect(said.join('')).to.match(/warn .*is not a file.*no longer what mqvpn wrote/)
  })

  describe('beside another mqvpn', () => {
    let other: ChildProcess
    beforeEach((done) => {
      other = spawn('sleep', ['60'])
      other.once('spawn', done)
    })
    afterEach(() => other.kill('SIGKILL'))

    const ofOther = (tunName: string, original = THEIRS): string => {
      file(original)
      const kept = planResolvConf(path, ASKED).original
      return render(ownerOf(tunName, other.pid), { servers: ['9.9.9.9'] }, kept)
    }
    const end = async (): Promise<void> => {
      const gone = new Promise((resolve) => other.once('exit', resolve))
      other.kill('SIGKILL')
      await gone
    }

    it('that runs: refuses, names it, and changes nothing', () => {
      const text = ofOther('tun7')
      file(text)
      expect(refusal(apply)).to.equal(
        `${path}: mqvpn with --tun-name tun7 (pid ${other.pid}) is running and has set its DNS servers there; end it first, or leave out --dns for this one`,
      )
      expect(read()).to.equal(text)
    })

    it('that came between plan and write: refuses as well', () => {
      file()
      const note = planResolvConf(path, ASKED)
      const text = ofOther('tun7')
      file(text)
      expect(refusal(() => applyResolvConf(note))).to.contain('tun7')
      undo(note)
      expect(read()).to.equal(text)
    })

    it('that is gone: takes its place, and puts back the original of both', async () => {
      file(ofOther('tun7'))
      await end()
      const note = apply()
      expect(servers()).to.deep.equal(['1.1.1.1'])
      undo(note)
      expect(read()).to.equal(THEIRS)
    })

    it('that is gone, with a damaged original: says what to do', async () => {
      file(ofOther('tun7').replace(/^# mqvpn-original \{.*\n/m, ''))
      await end()
      expect(refusal(apply)).to.match(/was written by mqvpn with --tun-name tun7 .* write a new .*resolv\.conf by hand/)
      expect(refusal(() => recoverResolvConf(log, path))).to.match(/by hand/)
    })

    it('recovers, without a journal, what one that is gone has left, and only then', async () => {
      const text = ofOther('tun7')
      file(text)
      expect(recoverResolvConf(log, path)).to.equal(null)
      expect(read()).to.equal(text)
      await end()
      expect(recoverResolvConf(log, path)).to.equal('tun7')
      expect(read()).to.equal(THEIRS)
      expect(recoverResolvConf(log, path)).to.equal(null)
      rmSync(path)
      expect(recoverResolvConf(log, path)).to.equal(null)
    })

    it('does not put back what belongs to one with another name', () => {
      file()
      const note = apply()
      const text = ofOther('tun7')
      file(text)
      undo(note)
      expect(read()).to.equal(text)
    })
  })

  it('keeps the first original when it is applied again', () => {
    file()
    const first = apply()
    const second = apply()
    expect(second.original).to.deep.equal(first.original)
    expect(parse(Buffer.from(read()))?.original).to.deep.equal(first.original)
    undo(second)
    undo(first)
    expect(read()).to.equal(THEIRS)
    expect(said).to.deep.equal([])
  })
})
