import { expect } from 'chai'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { selfSigned } from './certificate.js'
import { publicName } from './public-name.js'

describe('the name of a certificate of a public authority', () => {
  let folder: string
  before(() => (folder = mkdtempSync(join(tmpdir(), 'mqvpn-name-'))))
  after(() => rmSync(folder, { recursive: true }))
  const made = async (...names: string[]) => (await selfSigned(names, new Date())).certificate
  const nameIn = (pem: string, roots?: string[]): string | null => {
    const file = join(folder, 'cert.pem')
    writeFileSync(file, pem)
    return publicName(file, roots)
  }

  it('is its first one, when an authority that clients know has signed it', async () => {
    const pem = await made('vpn.example', 'other.example', '192.0.2.1')
    expect(nameIn(pem, [await made('a.example'), pem])).to.equal('vpn.example')
  })

  it('is none without such an authority, or for a chain that is none', async () => {
    const [pem, other] = [await made('vpn.example'), await made('vpn.example')]
    expect(nameIn(pem)).to.equal(null)
    // Of the same name, but not the one that signed.
    expect(nameIn(pem, [other])).to.equal(null)
    expect(nameIn(pem + other, [other])).to.equal(null)
    expect(nameIn('', [pem])).to.equal(null)
  })

  it('is none that is an address or a pattern', async () => {
    const [address, pattern] = [await made('192.0.2.1'), await made('*.example')]
    expect(nameIn(address, [address])).to.equal(null)
    expect(nameIn(pattern, [pattern])).to.equal(null)
  })
})
