import { expect } from 'chai'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { packageRoot, packageVersion } from './package.js'

describe('the package', () => {
  it('is found from a file of its own', () => {
    expect(existsSync(join(packageRoot(), 'native', 'CMakeLists.txt'))).to.equal(true)
  })

  it('knows its version', () => {
    expect(packageVersion()).to.match(/^\d+\.\d+\.\d+/)
  })
})
