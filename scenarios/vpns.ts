/**
 *  client ── a: 100 Mbit/s, 10 ms ── server
 *
 * mqvpn and three well-known VPNs over one clean line, in both directions: what does the tunnel cost in goodput, in delay
 * under load and in CPU time per gigabyte? None of them has a second path here; `direct` is the line without a tunnel.
 */
import { defineScenario, subjects, traffic } from 'mqvpn-bench'

const probe = traffic.udpProbe({ every: '10ms' })
const load = (direction: 'up' | 'down') => traffic.iperf({ direction, streams: 4, duration: '3s', omit: '1s' })

export default defineScenario({
  name: 'vpns',
  description: 'What a tunnel costs on one clean line: mqvpn, wireguard-go, OpenVPN and fastd beside no VPN.',

  paths: { a: { rate: '100mbit', delay: '10ms', queue: '1bdp' } },

  subjects: [subjects.mqvpn(), subjects.wireguardGo(), subjects.openvpn(), subjects.fastd()],

  phases: {
    up: { traffic: { tcp: load('up'), probe } },
    down: { traffic: { tcp: load('down'), probe } },
  },

  expect: ({ subject, best, achievable }) => [
    subject('direct:a').phase('up').goodput.atLeast(achievable.times(0.99)),
    subject('direct:a').phase('down').goodput.atLeast(achievable.times(0.99)),
    subject('mqvpn').phase('up').goodput.atLeast(best.times(0.9)),
    subject('mqvpn').phase('down').goodput.atLeast(best.times(0.9)),
    subject('wireguard-go').phase('up').goodput.atLeast(best.times(0.8)),
    subject('openvpn').phase('up').goodput.atLeast(best.times(0.8)),
    subject('fastd').phase('up').goodput.atLeast(best.times(0.8)),
  ],
})
