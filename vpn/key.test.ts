import { expect } from 'chai'
import { authKey } from './config/values.js'
import { generateKey, keyOf } from './key.js'

describe('keys', () => {
  it('are 32 random bytes in base64, and what the program takes', () => {
    const key = generateKey()
    expect(Buffer.from(key, 'base64')).to.have.length(32)
    expect(key).to.have.length(44)
    expect(generateKey()).not.to.equal(key)
    expect(authKey(key)).to.equal(key)
  })

  it('that are short are warned of, without being shown', () => {
    const warnings: string[] = []
    const log = { warn: (text: string) => void warnings.push(text) }
    expect(keyOf({ authKey: 'hunter2' }, log)).to.equal('hunter2')
    expect(warnings).to.have.length(1)
    expect(warnings[0])
      .to.match(/7 characters/)
      .and.not.match(/hunter2/)
    expect(keyOf({ authKey: generateKey() }, log)).to.be.a('string')
    expect(keyOf({}, log)).to.equal(null)
    expect(warnings).to.have.length(1)
  })
})
