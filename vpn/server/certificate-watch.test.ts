import { expect } from 'chai'
import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { watchCertificate, type CertificateWatch } from './certificate-watch.js'

describe('the watch over a certificate', () => {
  let folder: string
  let watch: CertificateWatch
  let uses: number
  let failure: Error | null
  let warnings: string[]
  const file = (name: string) => join(folder, name)
  const until = async (condition: () => boolean): Promise<void> => {
    while (!condition()) await new Promise((resolve) => setTimeout(resolve, 2))
  }
  /** Time in which it looks several times. */
  const looks = () => new Promise((resolve) => setTimeout(resolve, 30))
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'mqvpn-watch-'))
    for (const name of ['cert', 'key']) writeFileSync(file(name), name)
    uses = 0
    failure = null
    warnings = []
    watch = watchCertificate(
      [file('cert'), file('key')],
      async () => {
        uses += 1
        if (failure) throw failure
      },
      { warn: (text) => void warnings.push(text) },
      2,
    )
  })
  afterEach(() => {
    watch.stop()
    rmSync(folder, { recursive: true })
  })

  it('calls once for each change of either file, and not without one', async () => {
    await looks()
    expect(uses).to.equal(0)
    writeFileSync(file('cert'), 'another')
    await until(() => uses === 1)
    writeFileSync(file('new'), 'key')
    renameSync(file('new'), file('key'))
    await until(() => uses === 2)
    await looks()
    expect(uses).to.equal(2)
    expect(warnings).to.deep.equal([])
  })

  it('tells once what cannot be used, and uses the next', async () => {
    failure = new Error('half a certificate')
    writeFileSync(file('cert'), 'half')
    await until(() => warnings.length === 1)
    await looks()
    expect(warnings).to.deep.equal(['the changed certificate is not used: half a certificate'])
    failure = null
    writeFileSync(file('key'), 'the other half')
    await until(() => uses === 2)
    expect(warnings).to.have.length(1)
  })

  it('waits while a file is missing, and ends when it is stopped', async () => {
    rmSync(file('key'))
    await looks()
    expect(uses).to.equal(0)
    writeFileSync(file('key'), 'is back')
    await until(() => uses === 1)
    watch.stop()
    writeFileSync(file('key'), 'changed again')
    await looks()
    expect(uses).to.equal(1)
  })
})
