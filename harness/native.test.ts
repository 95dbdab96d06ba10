import { expect } from 'chai'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { KERNEL_FEATURES, kernelFeatures, programPath, tryLock } from './native.js'

describe('native', () => {
  let folder: string
  before(() => (folder = mkdtempSync(join(tmpdir(), 'mqvpn-native-'))))
  after(() => rmSync(folder, { recursive: true }))

  it('answers every feature with yes or no and a reason', () => {
    const features = kernelFeatures()
    expect(Object.keys(features)).to.deep.equal(Object.keys(KERNEL_FEATURES))
    for (const feature of Object.values(features)) {
      expect(feature.ok).to.be.a('boolean')
      expect(feature.detail).to.not.match(/^$|older than/)
    }
  })

  it('gives a lock once, and again after its release', () => {
    const path = join(folder, 'lock')
    const first = tryLock(path)
    expect(first).to.not.equal(null)
    expect(tryLock(path)).to.equal(null)
    first?.release()
    first?.release()
    const second = tryLock(path)
    expect(second).to.not.equal(null)
    second?.release()
  })

  it('names the file that cannot be locked', () => {
    expect(() => tryLock(join(folder, 'no', 'such'))).to.throw(/cannot open the lock file .*no\/such: No such file/)
    expect(() => tryLock('')).to.throw(TypeError)
  })

  it('knows where the probe is', () => {
    expect(programPath('mqvpn-probe')).to.match(/\/mqvpn-probe$/)
  })

  it('says how to build what is missing', () => {
    const before = process.env['MQVPN_NATIVE_DIR']
    process.env['MQVPN_NATIVE_DIR'] = folder
    try {
      expect(() => programPath('mqvpn-link')).to.throw(/mqvpn-link cannot be used: .*\nPossible solutions:\n.*cmake/)
    } finally {
      if (before === undefined) delete process.env['MQVPN_NATIVE_DIR']
      else process.env['MQVPN_NATIVE_DIR'] = before
    }
  })
})
