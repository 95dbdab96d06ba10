import { expect } from 'chai'
import type { MeasurementSpec, SubjectSpec } from '../scenario/types.js'
import { usableAddresses } from './mptcp-endpoints.js'
import { mptcp, parseNetstat } from './mptcp.js'

const device = (ifname: string, flags: string[], ...locals: string[]): object => ({
  ifname,
  flags,
  addr_info: locals.map((local) => ({ family: local.includes(':') ? 'inet6' : 'inet', local })),
})

describe('mptcp', () => {
  it('uses devices that are up, have carrier and an IPv4 address', () => {
    const json = JSON.stringify([
      device('a', ['UP', 'LOWER_UP'], '10.100.1.2', 'fd00::1'),
      device('b', ['UP', 'NO-CARRIER'], '10.100.2.2'),
      device('c', ['LOWER_UP'], '10.100.3.2'),
      device('d', ['UP', 'LOWER_UP']),
    ])
    expect([...usableAddresses(json)]).to.deep.equal([
      ['a', ['10.100.1.2']],
      ['d', []],
    ])
    expect(usableAddresses('').size).to.equal(0)
  })

  it('reads the counters of the kernel', () => {
    const text = 'TcpExt: A B\nTcpExt: 1 2\nMPTcpExt: MPCapableSYNRX MPJoinSynTx\nMPTcpExt: 0 7\n'
    expect(parseNetstat(text, 'MPTcpExt')).to.deep.equal({ MPCapableSYNRX: 0, MPJoinSynTx: 7 })
    expect(parseNetstat('', 'MPTcpExt')).to.deep.equal({})
  })

  it('says what it cannot do', () => {
    const spec = { id: 'mptcp', kind: 'mptcp' } as SubjectSpec
    const measurement = (kind: string, verb: string): MeasurementSpec =>
      ({ load: { kind }, faults: [{ atMs: 0, action: { verb } }] }) as unknown as MeasurementSpec
    expect(mptcp.cannot(spec, measurement('udp', 'down'))).to.equal('MPTCP carries no UDP')
    expect(mptcp.cannot(spec, measurement('tcp', 'restart'))).to.contain('no process')
    expect(mptcp.cannot(spec, measurement('tcp', 'down'))).to.equal(null)
  })
})
