import { expect } from 'chai'
import { authKey } from './config/values.js'
import { createHash } from 'node:crypto'
import { user } from './config/values.js'
import { generateKey, keyLines, keyOf } from './key.js'

describe('keys', () => {
  it('are 32 random bytes in base64, and what the program takes', () => {
    const key = generateKey()
    expect(Buffer.from(key, 'base64')).to.have.length(32)
    expect(key).to.have.length(44)
    expect(generateKey()).not.to.equal(key)
    expect(authKey(key)).to.equal(key)
  })

  it('are printed with their hash for a server that need not know them', () => {
    const key = generateKey()
    expect(keyLines(key, false)).to.equal(`${key}\n`)
    const [first, second] = keyLines(key, true).split('\n')
    expect(first).to.equal(key)
    const sha256 = createHash('sha256').update(key).digest('hex')
    expect(user(`anna:${second}`)).to.deep.equal({ name: 'anna', sha256 })
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
