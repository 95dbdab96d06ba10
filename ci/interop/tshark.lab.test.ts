/**
 * What our client and our server send each other, as Wireshark sees it: everything is decrypted with the key log, and no
 * dissector finds fault with it.
 *
 *   npm run test:interop -- --grep tshark
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { expect } from 'chai'
import { execa } from 'execa'
import { freePort, makeFolder, NAME, type Folder } from './support/files.js'
import { hasProgram, needs, ourPeer, Peer, stopAll } from './support/peer.js'

// RFC 9000 §19, RFC 9114 §7.2.
const QUIC = { ping: 1, ack: 2, ackEcn: 3, crypto: 6, newToken: 7, newConnectionId: 24, close: 29, done: 30 }
const HTTP3 = { data: '0', headers: '1', settings: '4' }

describe('tshark sees our connections', function () {
  this.timeout(60_000)
  this.retries(0)
  let folder: Folder
  let port: number
  let read: (...args: string[]) => Promise<string>
  let fields: (filter: string, ...names: string[]) => Promise<string[]>

  before(async function () {
    needs(this, 'tshark is not installed', hasProgram('tshark'))
    needs(this, 'mqvpn-interop-peer is not built (npm run test:native builds it)', ourPeer !== undefined)
    needs(this, 'capturing needs root', process.getuid?.() === 0)
    folder = await makeFolder()
    port = await freePort()
    const [capture, keys] = [folder.file('capture.pcapng'), folder.file('keys')]
    const tshark = new Peer(['tshark', '-i', 'lo', '-f', `udp port ${port}`, '-w', capture])
    await tshark.line(/Capture started/)
    // A train of datagrams on the loopback device is one frame in a capture, which dissectors take for one datagram.
    const ours = ['--listen', `127.0.0.1:${port}`, '--cert', folder.cert, '--key', folder.key]
    const server = new Peer([ourPeer!, 'server', ...ours, '--retry', '--keylog', keys, '--no-offload'])
    await server.event('listening')
    const where = [
      '--connect',
      `127.0.0.1:${port}`,
      '--name',
      NAME,
      '--ca',
      folder.cert,
      '--ticket',
      folder.file('ticket'),
    ]
    // The dissector does not put together DATA frames that are spread over packets (ngtcp2's neither): a small one is for it.
    for (const what of [
      ['--get', '/300000', '--key-update-after', '100000'],
      ['--get', '/300000', '--migrate-after', '100000'],
      ['--get', '/200', '--requests', '3'],
    ]) {
      const client = await new Peer([ourPeer!, 'client', ...where, ...what, '--no-offload']).end()
      expect(client.code, client.text).to.equal(0)
    }
    // The capture is written in turns.
    await sleep(1500)
    await tshark.stop('SIGINT')
    await server.stop()

    const common = ['-r', capture, '-o', `tls.keylog_file:${keys}`, '-d', `udp.port==${port},quic`]
    read = async (...args) => (await execa('tshark', [...common, ...args])).stdout
    fields = async (filter, ...names) => {
      const text = await read('-Y', filter, '-T', 'fields', ...names.flatMap((name) => ['-e', name]))
      return text.split(/[\n,\t]/).filter((one) => one !== '')
    }
  })
  afterEach(stopAll)
  after(() => {
    folder?.remove()
  })

  it('nothing is malformed, and everything can be decrypted', async () => {
    expect(await read('-Y', '_ws.malformed || quic.decryption_failed || tls.alert_message')).to.equal('')
    // A packet that is not decrypted shows no frames.
    const packets = await read('-Y', 'quic.short && !quic.frame_type')
    expect(packets).to.equal('')
  })

  it('no warning and no error of any dissector', async () => {
    // Chats and notes are other things: that a stream's bytes come again, for one.
    const expert = await read('-q', '-z', 'expert,warn')
    expect(expert).not.to.match(/^(Errors|Warns)/m)
  })

  it('all kinds of packets', async () => {
    // Initial, 0-RTT, Handshake, Retry (RFC 9000 §17.2).
    expect(new Set(await fields('quic', 'quic.long.packet_type'))).to.deep.equal(new Set(['0', '1', '2', '3']))
    const phases = new Set(await fields('quic.short', 'quic.key_phase'))
    expect(phases).to.deep.equal(new Set(['0', '1']))
  })

  it('frames of QUIC', async () => {
    const types = new Set((await fields('quic', 'quic.frame_type')).map(Number))
    expect([...types]).to.include.members(Object.values(QUIC))
    // PATH_CHALLENGE and PATH_RESPONSE of the move.
    expect([...types]).to.include.members([0x1a, 0x1b])
  })

  it('frames of HTTP/3', async () => {
    const types = new Set(await fields('http3', 'http3.frame_type'))
    expect([...types]).to.include.members(Object.values(HTTP3))
  })

  it('our transport parameters', async () => {
    const hello = await read('-Y', 'tls.handshake.type == 1', '-V')
    expect(hello).to.include('max_datagram_frame_size').and.to.include('initial_source_connection_id')
    expect(hello).to.match(/ALPN Next Protocol: h3/)
  })
})
