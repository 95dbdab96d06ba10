import { expect } from 'chai'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { packageRoot } from '../common/package.js'
import { generatedFiles } from './man.js'

describe('what is made from the command line', () => {
  for (const [path, text] of generatedFiles()) {
    it(`${path} is up to date (npx tsx ci/man.ts)`, () => {
      expect(readFileSync(join(packageRoot(), path), 'utf8')).to.equal(text)
    })
  }

  it('is in the package, with the page where npm looks for it', () => {
    const { files, man } = JSON.parse(readFileSync(join(packageRoot(), 'package.json'), 'utf8')) as Record<
      string,
      string[]
    >
    expect(files).to.include('service')
    expect(man).to.deep.equal(['service/mqvpn.8'])
  })
})
