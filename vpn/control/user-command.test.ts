import { expect } from 'chai'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { hashOfKey } from '../config/users.js'
import type { CommandRequest } from '../engine.js'
import { UsageError, VpnError } from '../errors.js'
import { ControlServer } from './server.js'
import { userCommand, type UserRequest } from './user-command.js'

describe('mqvpn user', () => {
  let folder: string
  let control: ControlServer
  let asked: CommandRequest[]
  let reply: object
  let printed: string
  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), 'mqvpn-user-'))
    asked = []
    printed = ''
    const controlled = {
      status: async () => ({}),
      command: async (request: CommandRequest) => {
        asked.push(request)
        return reply
      },
    }
    const quiet = { debug: () => undefined, warn: () => undefined }
    control = await ControlServer.listen(join(folder, 'c.sock'), controlled, quiet)
  })
  afterEach(async () => {
    await control.close()
    rmSync(folder, { recursive: true })
  })
  type Action = UserRequest extends infer R ? (R extends unknown ? Omit<R, 'tun' | 'control'> : never) : never
  const run = (request: Action) =>
    userCommand({ ...request, tun: null, control: control.path }, (text) => (printed += text))
  const failure = (running: Promise<unknown>): Promise<Error> =>
    running.then(
      () => {
        throw new Error('did not fail')
      },
      (error: unknown) => error as Error,
    )

  it('lists, for people and for programs', async () => {
    const users = [
      { name: 'anna', addresses: ['10.0.0.5', 'fd00::5'], networks: [], source: 'configuration' },
      { name: 'benjamin', addresses: [], networks: ['192.168.7.0/24'], source: 'control socket' },
    ]
    reply = { ok: true, users }
    expect(await run({ action: 'list', json: false })).to.equal(0)
    expect(printed.split('\n')).to.deep.equal([
      'NAME      ADDRESS            NETWORKS        FROM',
      'anna      10.0.0.5, fd00::5  -               configuration',
      'benjamin  any                192.168.7.0/24  control socket',
      '',
    ])
    printed = ''
    await run({ action: 'list', json: true })
    expect(JSON.parse(printed)).to.deep.equal(users)
    expect(asked).to.deep.equal([{ cmd: 'users' }, { cmd: 'users' }])
  })

  it('adds with a key that it makes, of which the server gets the hash alone', async () => {
    reply = { ok: true, replaced: false, cut: 0 }
    await run({ action: 'add', user: 'anna', addresses: ['10.0.0.5'], networks: ['192.168.7.0/24'] })
    const key = /key, for the client alone: (\S{44})\n/.exec(printed)?.[1] ?? ''
    const line = `anna:sha256:${hashOfKey(key)}`
    expect(asked).to.deep.equal([{ cmd: 'add-user', user: line, address: ['10.0.0.5'], networks: ['192.168.7.0/24'] }])
    expect(printed.split('\n').slice(-4)).to.deep.equal([
      `  User = ${line}`,
      '  Address = anna:10.0.0.5',
      '  AllowedIPs = anna:192.168.7.0/24',
      '',
    ])
  })

  it('adds with a key that is given, without saying it again', async () => {
    reply = { ok: true, replaced: true, cut: 1 }
    await run({ action: 'add', user: 'anna:a-key-of-anna-1234', addresses: [], networks: [] })
    expect(asked[0]).to.include({ user: `anna:sha256:${hashOfKey('a-key-of-anna-1234')}` })
    expect(printed)
      .to.match(/^changed anna; 1 connection was cut\n/)
      .and.not.include('a-key-of-anna-1234')
    const error = await failure(run({ action: 'add', user: 'a b:a-key-of-anna-1234', addresses: [], networks: [] }))
    expect(error).to.be.instanceOf(UsageError)
    expect(error.message)
      .to.match(/mqvpn user add: write NAME:KEY/)
      .and.not.include('a-key-of-anna-1234')
    expect(asked).to.have.length(1)
  })

  it('removes, and says when the configuration would bring the user back', async () => {
    reply = { ok: true, cut: 2, configured: false }
    await run({ action: 'remove', name: 'anna' })
    expect(printed).to.equal('removed anna; 2 connections were cut\n')
    reply = { ok: true, cut: 0, configured: true }
    await run({ action: 'remove', name: 'anna' })
    expect(printed).to.match(/removed anna\nIt is in the configuration still/)
    expect(asked).to.deep.equal(Array.from({ length: 2 }, () => ({ cmd: 'remove-user', name: 'anna' })))
  })

  it('fails with what the server says', async () => {
    reply = { ok: false, error: 'there is no user called "eve"' }
    const error = await failure(run({ action: 'remove', name: 'eve' }))
    expect(error).to.be.instanceOf(VpnError)
    expect(error.message).to.match(/c\.sock: there is no user called "eve"/)
    expect(printed).to.equal('')
  })
})
