import {
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { expect } from 'chai'
import { MachineError, UsageError } from '../lab/errors.js'
import { sudoOwner } from './ownership.js'
import type { Result } from './schema.js'
import { ResultTree, runName } from './tree.js'

const startedAt = new Date('2026-01-31T09:30:00.123Z')
const options = { startedAt, commit: '3a911d1', owner: null }
const result = { scenario: { name: 'asym' } } as Result

describe('ResultTree', () => {
  let output: string
  beforeEach(() => {
    output = mkdtempSync(path.join(tmpdir(), 'tree-'))
  })
  afterEach(() => {
    rmSync(output, { recursive: true })
  })

  it('makes a directory named after start and commit', async () => {
    const tree = await ResultTree.create(path.join(output, 'results'), 'asym', options)
    expect(tree.directory).to.equal(path.join(output, 'results/asym/20260131T093000Z-3a911d1'))
    expect(runName(startedAt, null)).to.equal('20260131T093000Z-release')
    expect(runName(startedAt, '0123456789abcdef')).to.equal('20260131T093000Z-0123456789')
  })

  it('never takes the directory of another run', async () => {
    const trees = await Promise.all([1, 2, 3].map(() => ResultTree.create(output, 'asym', options)))
    expect(trees.map((tree) => path.basename(tree.directory))).to.deep.equal([
      '20260131T093000Z-3a911d1',
      '20260131T093000Z-3a911d1-2',
      '20260131T093000Z-3a911d1-3',
    ])
  })

  it('writes files whole, and points latest at the newest finished run', async () => {
    const first = await ResultTree.create(output, 'asym', options)
    await first.writeJson('environment.json', { kernel: '6.1' })
    expect(existsSync(path.join(output, 'asym/latest'))).to.equal(false)
    await first.finish(result)
    const second = await ResultTree.create(output, 'asym', options)
    expect(readlinkSync(path.join(output, 'asym/latest'))).to.equal('20260131T093000Z-3a911d1')
    await second.finish(result)
    expect(readlinkSync(path.join(output, 'asym/latest'))).to.equal('20260131T093000Z-3a911d1-2')
    expect(JSON.parse(readFileSync(path.join(output, 'asym/latest/result.json'), 'utf8'))).to.deep.equal(result)
    expect(readdirSync(first.directory).toSorted()).to.deep.equal(['environment.json', 'result.json'])
    expect(readdirSync(path.join(output, 'asym')).filter((name) => name.startsWith('.'))).to.deep.equal([])
  })

  it('makes room for raw outputs', async () => {
    const tree = await ResultTree.create(output, 'asym', options)
    const file = tree.path('runs', 'mptcp', '1', 'iperf.json')
    writeFileSync(file, '{}')
    expect(path.relative(tree.directory, file)).to.equal('runs/mptcp/1/iperf.json')
  })

  it('tells when the output is a file, or cannot be written', async () => {
    const file = path.join(output, 'file')
    writeFileSync(file, '')
    const thrown = await ResultTree.create(file, 'asym', options).catch((error: unknown) => error)
    expect(thrown).to.be.instanceOf(UsageError)
    expect((thrown as Error).message).to.equal(`--output ${file}: not a directory`)
    const nowhere = await ResultTree.create('/proc/nowhere', 'asym', options).catch((error: unknown) => error)
    expect(nowhere).to.be.instanceOf(MachineError)
  })

  it('gives everything that it made to the person behind sudo, and nothing else', async function () {
    if (process.getuid?.() !== 0) return this.skip()
    const outside = path.join(output, 'outside')
    mkdirSync(outside)
    const tree = await ResultTree.create(path.join(output, 'results'), 'asym', {
      ...options,
      owner: { uid: 1234, gid: 2345 },
    })
    writeFileSync(tree.path('runs', 'mptcp', '1', 'log'), '')
    symlinkSync(outside, tree.path('runs', 'link'))
    await tree.finish(result)
    const owner = (...parts: string[]) => lstatSync(path.join(output, ...parts)).uid
    const run = path.join('results/asym', path.basename(tree.directory))
    for (const made of [
      'results',
      'results/asym',
      'results/asym/latest',
      run,
      `${run}/result.json`,
      `${run}/runs/mptcp/1/log`,
      `${run}/runs/link`,
    ]) {
      expect(owner(made), made).to.equal(1234)
    }
    expect(owner('outside')).to.equal(0)
    expect(owner('')).to.equal(0)
  })

  it('knows who called sudo', () => {
    expect(sudoOwner({ SUDO_UID: '1000', SUDO_GID: '100' }, 0)).to.deep.equal({ uid: 1000, gid: 100 })
    expect(sudoOwner({ SUDO_UID: '1000', SUDO_GID: '100' }, 1000)).to.equal(null)
    expect(sudoOwner({}, 0)).to.equal(null)
    expect(sudoOwner({ SUDO_UID: '-1', SUDO_GID: 'x' }, 0)).to.equal(null)
  })
})
