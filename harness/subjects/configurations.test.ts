import { expect } from 'chai'
import type { Path } from '../lab/path.js'
import { pathAddresses, SERVER4 } from '../lab/addressing.js'
import { FASTD_OVERHEAD_BYTES, fastdConfig } from './fastd.js'
import { mqvpnArgs, pinIn } from './mqvpn.js'
import { OPENVPN_OVERHEAD_BYTES, openvpnConfig } from './openvpn.js'
import { innerMtu, outerServerAddress } from './tunnel-addresses.js'
import { parseUapi } from './uapi.js'
import { WIREGUARD_OVERHEAD_BYTES, wireguardKeys } from './wireguard-go.js'

const path = (index: number, mtu: number): Path =>
  ({ spec: { mtu }, addresses: pathAddresses(index) }) as unknown as Path

describe('what the VPNs are told', () => {
  it('leaves room for the headers of each VPN inside the smallest path', () => {
    const paths = [path(1, 1500), path(2, 1400)]
    expect(innerMtu(paths, WIREGUARD_OVERHEAD_BYTES)).to.equal(1340)
    expect(innerMtu(paths.slice(0, 1), WIREGUARD_OVERHEAD_BYTES)).to.equal(1440)
    expect(innerMtu(paths.slice(0, 1), OPENVPN_OVERHEAD_BYTES)).to.equal(1448)
    expect(innerMtu(paths.slice(0, 1), FASTD_OVERHEAD_BYTES)).to.equal(1448)
  })

  it('pins a VPN of one path to that path by the address of the server', () => {
    expect(outerServerAddress([path(2, 1500)])).to.equal('10.100.2.1')
    expect(outerServerAddress([path(1, 1500), path(2, 1500)])).to.equal(SERVER4)
  })

  it('writes what openvpn reads', () => {
    const common = {
      serverAddress: '10.100.1.1',
      mtu: 1448,
      cipher: 'AES-256-GCM',
      own: { certificateFile: '/w/a "b"/x.crt', keyFile: '/w/x.key', fingerprint: 'AA:BB' },
      peerFingerprint: 'CC:DD',
      statusFile: '/w/status',
    }
    const server = openvpnConfig({ ...common, side: 'server' }).split('\n')
    expect(server).to.include.members([
      'dev vpn0',
      'tun-mtu 1448',
      'data-ciphers AES-256-GCM',
      'cert "/w/a \\"b\\"/x.crt"',
      'peer-fingerprint CC:DD',
      'local 10.100.1.1',
      'server 10.201.0.0 255.255.255.0',
    ])
    const client = openvpnConfig({ ...common, side: 'client' }).split('\n')
    expect(client).to.include.members(['client', 'remote 10.100.1.1 1194', 'nobind'])
    expect(client.join('\n')).not.to.contain('local ')
  })

  it('writes what fastd reads', () => {
    const common = { serverAddress: '10.100.1.1', mtu: 1448, method: 'aes128-gcm', secret: '5e', peerKey: 'bb' }
    const server = fastdConfig({ ...common, side: 'server' })
    expect(server).to.match(/^bind 10\.100\.1\.1:10000;$/m)
    expect(server).to.match(/^on up ".* ip address add 10\.201\.0\.1\/24 dev \$INTERFACE";$/m)
    expect(server).not.to.contain('remote')
    const client = fastdConfig({ ...common, side: 'client' })
    expect(client).to.match(/remote 10\.100\.1\.1:10000;/)
    expect(client).not.to.contain('bind')
  })

  it('writes what mqvpn is started with', () => {
    const files = { keyFile: '/w/key', stateDir: '/w/s', control: '/w/c' }
    const common = { ...files, serverAddress: '10.100.1.1', scheduler: null, cc: null, pin: null, devices: [] }
    const shared = '--no-config --tun-name vpn0 --auth-key-file /w/key --state-dir /w/s --control /w/c'
    expect(mqvpnArgs({ ...common, side: 'server' }).join(' ')).to.equal(
      `server --listen 10.100.1.1:4433 --subnet 10.201.0.0/24 --no-nat ${shared}`,
    )
    const client = { ...common, side: 'client', pin: 'ab', devices: ['a', 'b'], scheduler: 'wlb', cc: 'bbr' } as const
    expect(mqvpnArgs(client).join(' ')).to.equal(
      `client --server 10.100.1.1:4433 --pin ab --no-manage-routes --path a --path b ${shared} --scheduler wlb --cc bbr`,
    )
  })

  it('reads the pin that an mqvpn server prints', () => {
    const pin = '0123456789abcdef'.repeat(4)
    expect(pinIn(`listening: 10.100.1.1:4433 on vpn0, pin ${pin}`)).to.equal(pin)
    expect(pinIn(`  sudo mqvpn client --server x --pin ${pin}`)).to.equal(null)
  })

  it('reads what wireguard-go answers', () => {
    expect(parseUapi('public_key=ab\nrx_bytes=12\nerrno=0\n\n')).to.deep.equal([
      ['public_key', 'ab'],
      ['rx_bytes', '12'],
      ['errno', '0'],
    ])
  })

  it('makes keys of 32 bytes', () => {
    const { privateHex, publicHex } = wireguardKeys()
    expect(privateHex).to.match(/^[0-9a-f]{64}$/)
    expect(publicHex).to.match(/^[0-9a-f]{64}$/)
    expect(publicHex).not.to.equal(privateHex)
  })
})
