/**
 *           ┌── a: 300 Mbit/s, 10 ms ──┐
 *  client ──┤                          ├── server
 *           └── b:  80 Mbit/s, 30 ms ──┘
 *
 * The address under a path changes in the middle of a transfer: a DHCP server gives another one, or a NAT forgets the
 * mapping. The path stays, and so do the connections inside.
 */
import { at, defineScenario, subjects, traffic } from 'mqvpn-bench'

const probe = traffic.udpProbe({ every: '10ms' })
const load = (direction: 'up' | 'down') => ({
  tcp: traffic.iperf({ direction, streams: 4, duration: '4s', omit: '1s' }),
  probe,
})

/** See asym.ts. */
const headersLeave = (1436 - 52) / (1500 - 52)
/**
 * 95 % of what mqvpn makes of one line of this rate, of which a full frame leaves 1448 of 1514 bytes to TCP. Written out:
 * a line whose address changes gives no baseline.
 */
const alone = (mbit: number) => `${Number((((mbit * 1448) / 1514) * headersLeave * 0.95).toFixed(1))}mbit` as const

export default defineScenario({
  name: 'address-change',
  description: 'A new address or a NAT that forgets costs a fraction of a second, and no connection.',

  paths: {
    a: { rate: '300mbit', delay: '10ms', queue: '1bdp' },
    b: { rate: '80mbit', delay: '30ms', queue: '1bdp' },
  },

  subjects: [subjects.mqvpn({ scheduler: 'wlb' })],

  phases: {
    'nat-up': { traffic: load('up'), faults: [at('1.5s').rebind('a')], subjects: ['mqvpn:wlb'] },
    'nat-down': { traffic: load('down'), faults: [at('1.5s').rebind('a')], subjects: ['mqvpn:wlb'] },
    'dhcp-up': { traffic: load('up'), faults: [at('1.5s').readdress('a')], subjects: ['mqvpn:wlb'] },
    'dhcp-down': { traffic: load('down'), faults: [at('1.5s').readdress('a')], subjects: ['mqvpn:wlb'] },
  },

  expect: ({ subject }) =>
    ['nat-up', 'nat-down', 'dhcp-up', 'dhcp-down'].flatMap((phase) => [
      subject('mqvpn:wlb').phase(phase).probe.outage.in('degraded').atMost('500ms'),
      // Whatever a does, b is there all the time.
      subject('mqvpn:wlb').phase(phase).goodput.in('degraded').atLeast(alone(80)),
    ]),
})
