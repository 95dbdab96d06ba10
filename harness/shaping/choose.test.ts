import { expect } from 'chai'
import { MachineError, UsageError } from '../lab/errors.js'
import type { DirectionSpec, FaultAction, PathSpec } from '../scenario/types.js'
import { chooseShaper } from './choose.js'
import { probeTrafficControl, type TrafficControl } from './choose-probe.js'

const direction = { trace: null, aqm: 'droptail' } as DirectionSpec
const path = (name: string, up: Partial<DirectionSpec> = {}): PathSpec => ({
  name,
  up: { ...direction, ...up },
  down: direction,
  mtu: 1500,
})
const all: TrafficControl = { netem: null, tbf: null, codel: null, gates: null }
const said = 'Error: Specified qdisc kind is unknown.'
const given = (control: Partial<TrafficControl>) => () => Promise.resolve({ ...all, ...control })

async function thrown(promise: Promise<unknown>): Promise<Error> {
  return promise.then(
    () => expect.fail('should have been rejected'),
    (error: unknown) => error as Error,
  )
}

describe('choosing the shaper', () => {
  it('takes netem where the kernel has it', async () => {
    const { kind, reason } = await chooseShaper('auto', [path('a')], given({}))
    expect(kind).to.equal('netem')
    expect(reason).to.contain('this kernel has netem')
  })

  it('takes our own where the kernel has no netem, or no tbf, and says so', async () => {
    expect(await chooseShaper('auto', [path('a')], given({ netem: said }))).to.deep.equal({
      kind: 'user',
      reason: 'this kernel has no sch_netem',
    })
    expect((await chooseShaper('auto', [path('a')], given({ tbf: said }))).reason).to.contain('sch_tbf')
    expect((await chooseShaper('auto', [path('a')], given({ gates: said }))).reason).to.contain('NF_TABLES_NETDEV')
  })

  it('takes our own when a path needs what netem cannot', async () => {
    const paths = [path('a'), path('b', { trace: 'lte.trace' })]
    expect(await chooseShaper('auto', paths, given({}))).to.deep.equal({
      kind: 'user',
      reason: 'path b follows a rate trace, which netem cannot',
    })
    const codel = [path('a', { aqm: 'codel' })]
    expect((await chooseShaper('auto', codel, given({ codel: said }))).kind).to.equal('user')
    expect((await chooseShaper('auto', codel, given({}))).kind).to.equal('netem')
  })

  it('does what it is told without a probe', async () => {
    const { kind } = await chooseShaper('user', [path('a')], () => expect.fail('should not probe'))
    expect(kind).to.equal('user')
  })

  it('fails when it is told netem and there is none: the machine lacks it', async () => {
    const error = await thrown(chooseShaper('netem', [path('a')], given({ netem: said })))
    expect(error).to.be.instanceOf(MachineError)
    expect(error.message).to.contain('this kernel has no sch_netem')
    expect(error.message).to.contain(said)
    expect(error.message).to.contain('modprobe sch_netem')
    expect(error.message).to.contain('linux-modules-extra')
    expect(error.message).to.contain('--shaper user')
  })

  it('fails when it is told netem for a path that netem cannot make: the request is wrong', async () => {
    const error = await thrown(chooseShaper('netem', [path('b', { trace: 'x' })], given({})))
    expect(error).to.be.instanceOf(UsageError)
    expect(error.message).to.equal('--shaper netem: path b follows a rate trace, which netem cannot; use --shaper user')
  })

  it('does not blame the kernel for a missing program or missing rights', async () => {
    const noProgram = given({ netem: 'unshare: failed to execute tc: No such file or directory' })
    expect((await chooseShaper('auto', [path('a')], noProgram)).reason).to.equal('there is no tc program')
    const oldKernel = given({ netem: 'RTNETLINK answers: No such file or directory' })
    expect((await chooseShaper('auto', [path('a')], oldKernel)).reason).to.equal('this kernel has no sch_netem')
    const noNft = given({ gates: 'unshare: failed to execute nft: No such file or directory' })
    expect((await chooseShaper('auto', [path('a')], noNft)).reason).to.equal('there is no nft program')
    const noRights = given({ netem: 'unshare: unshare failed: Operation not permitted' })
    expect((await chooseShaper('auto', [path('a')], noRights)).reason).to.contain('without root')
  })

  it('probes in a namespace of its own', async () => {
    const seen: string[] = []
    const control = await probeTrafficControl((argv) => {
      seen.push(argv.join(' '))
      const refused = argv.includes('netem')
      return Promise.resolve({ exitCode: refused ? 2 : 0, stdout: '', stderr: refused ? `${said}\n` : '' })
    })
    expect(control).to.deep.equal({ netem: said, tbf: null, codel: null, gates: null })
    expect(seen).to.have.length(4)
    expect(seen.every((line) => /^unshare --net (tc qdisc add dev lo|nft) /.test(line))).to.equal(true)
  })

  describe('of paths that are plain wires', () => {
    const plain = { bitsPerSecond: null, delayMs: 0, jitterMs: 0, loss: null, reorder: 0, duplicate: 0 }
    const wire = (change: Partial<DirectionSpec> = {}): PathSpec => {
      const way = { ...direction, ...plain, ...change }
      return { name: 'a', up: way, down: way, mtu: 1500 }
    }
    const never = (): Promise<TrafficControl> => Promise.reject(new Error('not asked'))

    it('takes none, unless a path is more than that', async () => {
      expect(await chooseShaper('auto', [wire()], never)).to.deep.equal({
        kind: 'none',
        reason: 'every path is a plain wire',
      })
      for (const change of [
        { bitsPerSecond: 1e9 },
        { delayMs: 1 },
        { loss: { kind: 'random', probability: 0.1 } as const },
        { duplicate: 0.1 },
        { aqm: 'codel' as const },
      ]) {
        expect((await chooseShaper('auto', [wire(), wire(change)], given({}))).kind).to.equal('netem')
        const error = await thrown(chooseShaper('none', [wire(change)], never))
        expect(error).to.be.instanceOf(UsageError)
        expect(error.message).to.match(/--shaper none: path a has .*; use --shaper user/)
      }
    })

    it('takes another when a fault changes the link, not when it is of the devices', async () => {
      const kindFor = async (fault: FaultAction) => (await chooseShaper('auto', [wire()], given({}), [fault])).kind
      expect(await kindFor({ verb: 'blackhole', path: 'a', direction: 'up' })).to.equal('netem')
      expect(await kindFor({ verb: 'carrier', path: 'a', on: false })).to.equal('none')
      expect(await kindFor({ verb: 'restart', side: 'server' })).to.equal('none')
    })
  })
})
