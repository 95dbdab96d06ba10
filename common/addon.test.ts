import { expect } from 'chai'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { loadAddon, NativeMissingError } from './addon.js'

describe('the addon', () => {
  let folder: string
  const before_ = process.env['MQVPN_NATIVE_DIR']
  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'mqvpn-addon-'))
    process.env['MQVPN_NATIVE_DIR'] = folder
  })
  after(() => {
    rmSync(folder, { recursive: true })
    if (before_ === undefined) delete process.env['MQVPN_NATIVE_DIR']
    else process.env['MQVPN_NATIVE_DIR'] = before_
  })

  it('that is not built is told with the way to build it', () => {
    expect(() => loadAddon()).to.throw(
      NativeMissingError,
      /the native addon cannot be used: \S+\nPossible solutions:\n.*cmake/,
    )
  })

  it('that cannot be loaded is told with the reason', () => {
    writeFileSync(join(folder, 'mqvpn_native.node'), 'not a library')
    expect(() => loadAddon()).to.throw(NativeMissingError, /mqvpn_native\.node \(.+\)\nPossible/)
  })
})
