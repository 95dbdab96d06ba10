import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import { renderAll } from './index.js'
import { makeResult } from './testing/fixture.js'

describe('writing all reports of a result', () => {
  let directory = ''
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'mqvpn-reports-'))
  })
  afterEach(() => rm(directory, { recursive: true }))

  it('puts them into the result directory', async () => {
    const { files, problems } = await renderAll(directory, makeResult({ repeats: 1 }))
    expect(problems).to.deep.equal([])
    expect((await readdir(directory)).sort()).to.deep.equal(['charts', 'junit.xml', 'report.html', 'report.md'])
    expect(await readdir(join(directory, 'charts'))).to.include('goodput-1-bulk.png')
    expect(files).to.include(join(directory, 'report.html'))
    expect(await readFile(join(directory, 'report.md'), 'utf8')).to.match(/^# asym\n/)
  })

  it('writes only what is asked for', async () => {
    await renderAll(directory, makeResult({ repeats: 1 }), { reporters: ['tap', 'md', 'md'] })
    expect((await readdir(directory)).sort()).to.deep.equal(['report.md', 'report.tap'])
  })

  it('goes on when one of them cannot be written', async () => {
    await writeFile(join(directory, 'charts'), 'in the way')
    const { files, problems } = await renderAll(directory, makeResult({ repeats: 1 }), { reporters: ['png', 'md'] })
    expect(problems.map((problem) => problem.reporter)).to.deep.equal(['png'])
    expect(files).to.deep.equal([join(directory, 'report.md')])
  })
})
