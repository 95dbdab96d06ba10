import { expect } from 'chai'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { KERNEL_FEATURES, kernelFeatures, programPath } from './native.js'

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
