/**
 * A program that behaves like `mqvpn client --config FILE` toward who started it: for tests of that one. What it does
 * stands in FAKE_CLIENT: `connect`, `wait` (never connects), `fail CODE`, `deaf` (connects, and does not hear SIGTERM).
 */
import { ControlServer } from '../control/server.js'
import { controlOf } from '../service/control-of.js'
import type { Status } from '../status/render.js'

const file = process.argv.at(-1)!
const [does = '', code] = (process.env['FAKE_CLIENT'] ?? '').split(' ')

if (does === 'fail') {
  process.stderr.write('mqvpn: the server does not accept this key\n')
  process.exit(Number(code))
}
const quiet = { debug: () => undefined, warn: () => undefined }
const connected = does !== 'wait'
const status: Status = {
  role: 'client',
  version: '1.2.3',
  pid: process.pid,
  uptimeSeconds: 1,
  tun: null,
  connections: connected
    ? [
        {
          id: 1,
          remote: '',
          state: 'connected',
          addresses: ['10.0.0.2/32'],
          uptimeSeconds: 1,
          bytesIn: 0,
          bytesOut: 0,
          datagramsIn: 0,
          datagramsOut: 0,
          datagramsLost: 0,
          drops: {},
          paths: [],
        },
      ]
    : [],
  session: {
    state: connected ? 'connected' : 'waiting',
    server: 'vpn:443',
    attempts: 1,
    retryInSeconds: null,
    lastProblem: connected ? null : 'no answer from vpn:443',
  },
}
const control = await ControlServer.listen(
  controlOf(file, process.env, () => undefined),
  { status: async () => status, command: async () => ({}) },
  quiet,
)
process.stderr.write(`started with NOTIFY_SOCKET=${process.env['NOTIFY_SOCKET'] ?? 'none'}\n`)
process.on('SIGTERM', () => {
  if (does !== 'deaf') void control.close().then(() => process.exit(0))
})
