import { expect } from 'chai'
import { busiest, parseCores, ProcessMeter } from './cpu.js'

const BEFORE = `cpu  30 0 30 140 0 0 0 0 0 0
cpu0 10 0 10 80 0 0 0 0 0 0
cpu1 20 0 20 60 0 0 0 0 0 0
intr 1`

describe('CPU meters', () => {
  it('reads one entry per core and leaves the sum line out', () => {
    expect(parseCores(BEFORE)).to.deep.equal([
      { busy: 20, total: 100 },
      { busy: 40, total: 100 },
    ])
  })

  it('finds the busiest core between two readings', () => {
    const after = parseCores('cpu0 20 0 10 170 0 0 0 0\ncpu1 60 0 70 60 0 10 0 0')
    // Core 1: 100 more ticks, none of them idle.
    expect(busiest(parseCores(BEFORE), after)).to.equal(1)
    expect(busiest(parseCores(BEFORE), parseCores(BEFORE))).to.equal(0)
  })

  it('counts iowait as idle: the core could have worked', () => {
    const after = parseCores('cpu0 10 0 10 80 100 0 0 0\ncpu1 20 0 20 110 50 0 0 0')
    expect(busiest(parseCores(BEFORE), after)).to.equal(0)
  })

  it('adds up processes of one program on one side and counts from the start only', () => {
    const meter = new ProcessMeter()
    const info = { name: 'iperf3', side: 'client', role: 'traffic' } as const
    let used = 5
    meter.addMetered({ info, cpuSeconds: () => used })
    meter.addMetered({ info, cpuSeconds: () => used })
    meter.addMetered({ info: { ...info, side: 'server' }, cpuSeconds: () => 7 })
    used = 5.5
    expect(meter.stop()).to.deep.equal([
      { process: 'iperf3', side: 'client', role: 'traffic', cpuSeconds: 1 },
      { process: 'iperf3', side: 'server', role: 'traffic', cpuSeconds: 0 },
    ])
  })
})
