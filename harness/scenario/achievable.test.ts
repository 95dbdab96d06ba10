import { expect } from 'chai'
import { achievable, sumOrNull, tcpShare, udpShare } from './achievable.js'
import { defineScenario } from './define.js'
import { traffic } from './traffic.js'

const scenario = defineScenario({
  name: 'x',
  description: 'x',
  paths: {
    a: { rate: '300mbit', delay: '10ms', queue: '1bdp' },
    b: { rate: { up: '80mbit', down: 'unlimited' }, delay: '30ms', queue: '100p' },
  },
  traffic: { bulk: traffic.iperf({ direction: ['up', 'down', 'both'], duration: '1s' }) },
})

describe('achievable', () => {
  it('leaves 1448 of 1514 bytes to TCP over IPv4 with time stamps', () => {
    expect(tcpShare(1500)).to.equal(1448 / 1514)
    expect(300e6 * tcpShare(1500)).to.be.closeTo(286.9e6, 0.05e6)
    expect(tcpShare(9000)).to.equal(8948 / 9014)
  })

  it('counts UDP headers per datagram, and per fragment of a large one', () => {
    expect(udpShare(160, 1500)).to.equal(160 / 202)
    expect(udpShare(1472, 1500)).to.equal(1472 / 1514)
    // 1473 + 8 bytes: 1480 and 1, each with its own IP and Ethernet header
    expect(udpShare(1473, 1500)).to.equal(1473 / (1481 + 2 * 34))
  })

  it('sums the paths, unless one has no fixed rate', () => {
    const [up, down, both] = scenario.measurements.map((m) => achievable(scenario.paths, m.load))
    expect(up!.sum).to.be.closeTo(380e6 * (1448 / 1514), 1)
    expect(down!.perPath).to.deep.equal({ a: 300e6 * (1448 / 1514), b: null })
    expect(down!.sum).to.equal(null)
    expect(both!.perPath['a']).to.equal(2 * 300e6 * (1448 / 1514))
    expect(sumOrNull([1, 2, 3])).to.equal(6)
  })
})
