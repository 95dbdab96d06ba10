import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import { readResult, ResultError } from './read.js'
import { makeResult } from './testing/fixture.js'

describe('reading a result', () => {
  let directory = ''
  const result = makeResult({ repeats: 1 })
  before(async () => {
    directory = await mkdtemp(join(tmpdir(), 'mqvpn-reports-'))
    await mkdir(join(directory, 'results', 'asym', 'run-1'), { recursive: true })
    await writeFile(join(directory, 'results', 'asym', 'run-1', 'result.json'), JSON.stringify(result))
    await symlink('run-1', join(directory, 'results', 'asym', 'latest'))
  })
  after(() => rm(directory, { recursive: true }))

  const place = (...names: string[]): string => join(directory, ...names)
  const refusal = async (path: string): Promise<string> => {
    const error: unknown = await readResult(path).then(
      () => null,
      (found: unknown) => found,
    )
    expect(error).to.be.instanceOf(ResultError)
    const { message } = error as ResultError
    expect(message).to.not.include('\n')
    return message
  }
  const written = async (name: string, text: string): Promise<string> => {
    await writeFile(place(name), text)
    return place(name)
  }

  it('takes a file, a result directory, a scenario directory and latest', async () => {
    const paths = ['run-1/result.json', 'run-1', 'latest', '']
    for (const path of paths) {
      expect((await readResult(place('results', 'asym', path))).seed).to.equal(result.seed)
    }
    const before = process.cwd()
    process.chdir(directory)
    try {
      expect((await readResult('latest')).seed).to.equal(result.seed)
      process.chdir(tmpdir())
    } finally {
      process.chdir(before)
    }
  })

  it('says what is missing', async () => {
    expect(await refusal(place('nowhere.json'))).to.match(/nowhere\.json: no such file; .*results/)
    await mkdir(place('empty'))
    expect(await refusal(place('empty'))).to.include('no result.json in this directory')
  })

  it('says what is wrong with the content', async () => {
    expect(await refusal(await written('page.json', '<html>'))).to.include('not JSON')
    expect(await refusal(await written('cut.json', ''))).to.include('it is empty')
    expect(await refusal(await written('other.json', '{"name":"x"}'))).to.include('not a result of mqvpn-bench')
    expect(await refusal(await written('null.json', 'null'))).to.include('not a result of mqvpn-bench')
    const newer = await written('newer.json', JSON.stringify({ ...result, schemaVersion: 99 }))
    expect(await refusal(newer))
      .to.include('format 99')
      .and.to.include('use a newer mqvpn-bench')
    const broken = { ...result, samples: result.samples.map((sample) => ({ ...sample, repeat: 0 })) }
    expect(await refusal(await written('broken.json', JSON.stringify(broken)))).to.match(
      /invalid at samples\[0\]\.repeat: .*\(and \d+ more\)/,
    )
  })
})
