import { expect } from 'chai'
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { missing, missingTun } from './unsupported.js'
import { missingPrograms, which } from './which.js'

describe('finding programs', () => {
  let directory = ''
  before(() => {
    directory = mkdtempSync(join(tmpdir(), 'which-'))
    writeFileSync(join(directory, 'runs'), '#!/bin/sh\n')
    chmodSync(join(directory, 'runs'), 0o755)
    writeFileSync(join(directory, 'text'), '')
    chmodSync(join(directory, 'text'), 0o644)
    mkdirSync(join(directory, 'folder'))
  })
  after(() => {
    rmSync(directory, { recursive: true })
  })

  it('finds an executable in PATH', () => {
    expect(which('runs', `/nowhere:${directory}`)).to.equal(join(directory, 'runs'))
  })

  it('finds an absolute path without PATH', () => {
    expect(which(join(directory, 'runs'), '')).to.equal(join(directory, 'runs'))
    expect(which(join(directory, 'absent'), '')).to.equal(null)
  })

  it('finds neither folders nor files without the execute bit', () => {
    expect(which('folder', directory)).to.equal(null)
    expect(which('no-such-program', directory)).to.equal(null)
    if (process.getuid?.() !== 0) expect(which('text', directory)).to.equal(null)
  })

  it('looks into sbin even when PATH does not', () => {
    expect(which('ip', '')).to.match(/sbin\/ip$/)
  })

  it('names what is missing and the packages to install', () => {
    const wanted = [
      { program: 'no-such-a', package: 'p' },
      { program: 'no-such-b', package: 'p' },
      { program: 'sh', package: 'dash' },
    ]
    expect(missingPrograms(wanted).map(({ program }) => program)).to.deep.equal(['no-such-a', 'no-such-b'])
    expect(missing(wanted)).to.deep.equal({
      status: 'missing',
      reason: 'no-such-a, no-such-b are not installed',
      remedy: 'apt install p',
    })
    expect(missing([{ program: 'sh', package: 'dash' }])).to.equal(null)
  })

  it('says how to get TUN devices', () => {
    expect(missingTun(join(directory, 'tun'))?.remedy).to.contain('modprobe tun')
    expect(missingTun(join(directory, 'text'))).to.equal(null)
  })
})
