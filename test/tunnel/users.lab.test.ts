/** Users of a server: addresses and networks of their own, changes while it runs, and clients kept apart. Needs root. */
import { expect } from 'chai'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { selfSigned } from '../../vpn/server/certificate.js'
import type { Host } from '../../harness/lab/host.js'
import { generateKey, keyLines } from '../../vpn/key.js'
import { MAIN, type Mqvpn } from './support/mqvpn.js'
import { expectPings, ping } from './support/traffic.js'
import { DEVICE, INNER, PORT, TunnelLab } from './support/tunnel-lab.js'
import { until } from './support/until.js'

const LAN = '192.168.70.0/24'
const LAN_HOST = '192.168.70.1'

describe('tunnel: users (root)', () => {
  let tunnel: TunnelLab
  let server: Mqvpn
  let hosts: Host[]
  const keys = { anna: generateKey(), ben: generateKey(), cleo: generateKey() }
  type Name = keyof typeof keys
  before(async () => {
    tunnel = await TunnelLab.open()
    hosts = [tunnel.client, await tunnel.clientHost(2)]
    await tunnel.server.sysctl({ 'net.ipv4.ip_forward': 1 })
    // A host of the network behind the client; the client is its router at the same time.
    await tunnel.client.ip(`address add ${LAN_HOST}/24 dev lo`)
  })
  after(() => tunnel.close())
  afterEach(() => tunnel.stopAll())

  /** With the hash alone, as a careful server has it. */
  const user = (name: Name) => `User = ${name}:${keyLines(keys[name], true).split('\n')[1]}`
  const configure = (...auth: string[]) => tunnel.file('server.conf', ['[Auth]', ...auth, ''].join('\n'))
  const start = async (auth: string[], ...args: string[]): Promise<Mqvpn> =>
    (server = await tunnel.startServer({ listen: `0.0.0.0:${PORT}` }, '--config', configure(...auth), ...args))
  const connect = (name: Name, index: number, ...args: string[]): Promise<Mqvpn> =>
    tunnel.connect(
      {
        host: hosts[index]!,
        keyFile: tunnel.file(`key-${name}`, keys[name]),
        ...(index === 0 ? {} : { server: `172.31.${index + 1}.1:${PORT}` }),
      },
      ...args,
    )
  const hangUp = () => process.kill(server.process.pid, 'SIGHUP')
  const says = (text: string, since = 0) => server.says(({ message }) => message?.includes(text) ?? false, { since })
  const addressesOf = async (client: Mqvpn) => (await client.status()).connections[0]!.addresses
  const routesTo = async (network: string) => (await tunnel.server.run('ip', ['route', 'show', network])).stdout.trim()
  const userCommand = async (...args: string[]) =>
    tunnel.server.run(process.execPath, [MAIN, 'user', ...args, '--control', server.control], { check: false })

  it('have addresses of their own, and networks behind them that the server reaches', async () => {
    await start([user('anna'), user('ben'), 'Address = anna:10.77.0.9', `AllowedIPs = anna:${LAN}`])
    expect(await routesTo(LAN)).to.include(`dev ${DEVICE}`)
    const nobody = await ping(tunnel.server, LAN_HOST, '-c', '2', '-w', '1')
    expect(nobody.received).to.equal(0)
    const anna = await connect('anna', 0)
    expect(await addressesOf(anna)).to.have.members(['10.77.0.9/32', LAN, 'fd77::9/128'])
    // The network is the client's own already: its device has no address of it.
    const device = await tunnel.client.run('ip', ['-4', 'address', 'show', 'dev', DEVICE])
    expect(device.stdout).to.include('10.77.0.9').and.not.include('192.168.70')
    await expectPings(tunnel.server, LAN_HOST)
    await expectPings(tunnel.client, INNER.server4, '-I', LAN_HOST)

    // From one client to the network behind another, through the server.
    const ben = await connect('ben', 1)
    await hosts[1]!.ip(`route add ${LAN} dev ${DEVICE}`)
    await expectPings(hosts[1]!, LAN_HOST)

    expect(await ben.terminate()).to.equal(0)
    // The server does not know that the first connection is dead, and waits for nothing.
    const since = server.mark
    await anna.kill()
    const second = await connect('anna', 1)
    expect(await addressesOf(second)).to.include('10.77.0.9/32')
    const gone = await says('client disconnected', since)
    expect(gone).to.include({ user: 'anna', cause: 'replaced' })
    expect(await server.terminate()).to.equal(0)
    expect(await routesTo(LAN)).to.equal('')
  })

  it('are read again at SIGHUP: who is gone is cut, the others lose nothing, a wrong file changes nothing', async () => {
    await start([user('anna'), user('ben')])
    const anna = await connect('anna', 0)
    const ben = await connect('ben', 1)
    const before = server.mark
    const pings = ping(tunnel.client, INNER.server4, '-c', '60')
    tunnel.file('server.conf', '[Auth]\nUsr = x\n')
    hangUp()
    expect((await says('reload: nothing has changed')).message).to.match(/server\.conf:2: Usr/)
    expect((await server.status()).connections).to.have.length(2)

    configure(user('anna'), user('cleo'))
    hangUp()
    expect(await says('reloaded', before)).to.include({ cut: 1, users: 3 })
    expect((await ben.ends()).code).to.equal(4)
    expect((await pings).received).to.equal(60)
    expect(anna.said.filter(({ event }) => event === 'connected')).to.have.length(1)
    const { connections } = await server.status()
    expect(connections.filter(({ state }) => state === 'connected').map(({ user: name }) => name)).to.deep.equal([
      'anna',
    ])
    await connect('cleo', 1)
    await expectPings(hosts[1]!, INNER.server4)
  })

  it('get a renewed certificate with new connections, while the old ones go on', async () => {
    await start([user('anna'), user('ben')])
    const { pin } = tunnel
    await connect('anna', 0)
    const renewed = await selfSigned(['vpn.example'], new Date())
    for (const [name, content] of [
      ['server.crt', renewed.certificate],
      ['server.key', renewed.key],
    ] as const)
      writeFileSync(join(tunnel.directory, 'server', name), content)
    // Nobody tells it: it looks by itself.
    const told = await says('new handshakes get another certificate')
    tunnel.pin = String(told['pin'])
    expect(tunnel.pin).not.to.equal(pin)
    await connect('ben', 1)
    await expectPings(tunnel.client, INNER.server4)
    await expectPings(hosts[1]!, INNER.server4)
  })

  it('are listed, added and removed by a command', async () => {
    await start([user('anna')])
    const added = await userCommand('add', 'ben', '--address', '10.77.0.20')
    const key = /client alone: (\S+)/.exec(added.stdout)?.[1] ?? ''
    expect(key).to.have.length(44)
    keys.ben = key
    const ben = await connect('ben', 1)
    expect(await addressesOf(ben)).to.include('10.77.0.20/32')
    const listed = JSON.parse((await userCommand('list', '--json')).stdout) as { name: string; source: string }[]
    expect(listed.map(({ name, source }) => [name, source])).to.deep.equal([
      ['(global)', 'configuration'],
      ['anna', 'configuration'],
      ['ben', 'control socket'],
    ])
    const taken = await userCommand('add', 'eve', '--address', '10.77.0.20')
    expect(taken.exitCode).to.equal(1)
    expect(taken.stderr).to.match(/ben and eve would have the same address/)
    expect((await userCommand('remove', 'ben')).stdout).to.equal('removed ben; 1 connection was cut')
    expect((await ben.ends()).code).to.equal(4)
    await until('server without clients', async () => (await server.status()).connections.length === 0)
  })

  it('may be kept from reaching each other, with an answer that says so', async () => {
    await start([user('anna'), user('ben'), `AllowedIPs = anna:${LAN}`], '--no-client-to-client')
    const anna = await connect('anna', 0)
    const other = (await addressesOf(anna))[0]!.replace(/\/.*/, '')
    await connect('ben', 1)
    await hosts[1]!.ip(`route replace ${LAN} dev ${DEVICE}`)
    for (const to of [other, LAN_HOST]) {
      const refused = await ping(hosts[1]!, to, '-c', '3', '-w', '1')
      expect(refused.text).to.match(/Packet filtered/)
      expect(refused.received).to.equal(0)
    }
    const { connections } = await server.status()
    const drops = connections.reduce((sum, { drops: all }) => sum + (all['clientToClient'] ?? 0), 0)
    expect(drops).to.be.at.least(2)
    await expectPings(hosts[1]!, INNER.server4)
    await expectPings(tunnel.server, LAN_HOST)
  })
})
