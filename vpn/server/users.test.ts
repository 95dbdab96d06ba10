import { expect } from 'chai'
import { hashOfKey } from '../config/users.js'
import type { CommandReply, ServerUser } from '../engine.js'
import { UsageError } from '../errors.js'
import { ServerUsers } from './users.js'

const quiet = { info: () => undefined, warn: () => undefined }
const POOLS = { subnet: '10.0.0.0/24', subnet6: 'fd00::/112' }
const KEY = 'a-key-of-somebody-1234'

describe('the users of a running server', () => {
  let told: ServerUser[][]
  let refuse: string | null
  let cut: number
  beforeEach(() => {
    told = []
    refuse = null
    cut = 0
  })
  const create = (...users: ServerUser[]) =>
    new ServerUsers(
      users,
      POOLS,
      async (all) => {
        // In a later turn, as an engine answers: two changes at once would meet here.
        await new Promise((resolve) => setImmediate(resolve))
        if (refuse !== null) throw new UsageError(refuse)
        told.push(all)
        return { cut }
      },
      quiet,
    )
  const anna: ServerUser = { name: 'anna', key: 'a-key-of-anna-1234', address4: '10.0.0.5' }
  const names = (users: ServerUsers) => (users.list() as { name: string }[]).map(({ name }) => name)
  const failure = (run: Promise<unknown>): Promise<Error> =>
    run.then(
      () => {
        throw new Error('did not fail')
      },
      (error: unknown) => error as Error,
    )

  it('are listed without keys and hashes', async () => {
    const users = create(anna, { name: 'ben', sha256: 'ab'.repeat(32), networks: ['192.168.7.0/24'] })
    const reply = (await users.command({ cmd: 'users' }))!
    expect(reply).to.deep.equal({
      ok: true,
      users: [
        { name: 'anna', addresses: ['10.0.0.5'], networks: [], source: 'configuration' },
        { name: 'ben', addresses: [], networks: ['192.168.7.0/24'], source: 'configuration' },
      ],
    })
    expect(await users.command({ cmd: 'disconnect', id: 1 })).to.equal(null)
  })

  it('can be added with addresses and networks, changed, and removed', async () => {
    const users = create(anna)
    const networks = ['192.168.7.0/24', '2001:db8::/48']
    const added = { cmd: 'add-user', user: `ben:${KEY}`, address: ['10.0.0.6', 'fd00::6'], networks }
    expect(await users.command(added)).to.deep.equal({ ok: true, replaced: false, cut: 0 })
    expect(told).to.deep.equal([[anna, { name: 'ben', key: KEY, address4: '10.0.0.6', address6: 'fd00::6', networks }]])
    cut = 2
    const changed = { cmd: 'add-user', user: `ben:sha256:${'ab'.repeat(32)}` }
    expect(await users.command(changed)).to.deep.equal({ ok: true, replaced: true, cut: 2 })
    expect(told[1]).to.deep.equal([anna, { name: 'ben', sha256: 'ab'.repeat(32) }])
    expect(await users.command({ cmd: 'remove-user', name: 'anna' })).to.deep.equal({
      ok: true,
      cut: 2,
      configured: true,
    })
    expect(names(users)).to.deep.equal(['ben'])
  })

  it('stay as they are when a change is wrong, or the engine refuses it', async () => {
    const users = create(anna)
    const wrong: [request: object, message: RegExp][] = [
      [{ cmd: 'add-user' }, /there is no "user"/],
      [{ cmd: 'add-user', user: 5 }, /there is no "user"/],
      [{ cmd: 'add-user', user: 'ben' }, /user: write NAME:KEY/],
      [{ cmd: 'add-user', user: `b n:${KEY}` }, /the name of 1 to 63 letters/],
      [{ cmd: 'add-user', user: `ben:${anna.key}` }, /anna and ben have the same key/],
      [{ cmd: 'add-user', user: `ben:sha256:${hashOfKey(anna.key!)}` }, /anna and ben have the same key/],
      [{ cmd: 'add-user', user: `ben:${KEY}`, address: '10.0.0.5' }, /anna and ben would have the same address/],
      [{ cmd: 'add-user', user: `ben:${KEY}`, address: 'x' }, /^address: /],
      [{ cmd: 'add-user', user: `ben:${KEY}`, address: [{}] }, /^address: write a text/],
      [{ cmd: 'add-user', user: `ben:${KEY}`, address: ['10.0.0.6', '10.0.0.7'] }, /one address of a family/],
      [{ cmd: 'add-user', user: `ben:${KEY}`, networks: '10.0.0.0/25' }, /overlaps 10\.0\.0\.0\/24, the pool/],
      [{ cmd: 'remove-user' }, /there is no "name"/],
      [{ cmd: 'remove-user', name: 'eve' }, /there is no user called "eve"/],
      [{ cmd: 'remove-user', name: 'anna' }, /anna is the only user/],
    ]
    for (const [request, message] of wrong) {
      const error = await failure(users.command(request as { cmd: string }))
      expect(error, JSON.stringify(request)).to.be.instanceOf(UsageError)
      expect(error.message).to.match(message).and.not.include(KEY)
    }
    refuse = 'not this one'
    expect((await failure(users.command({ cmd: 'add-user', user: `ben:${KEY}` }))).message).to.equal('not this one')
    expect(told).to.deep.equal([])
    expect(names(users)).to.deep.equal(['anna'])
    // One that failed holds up no other.
    refuse = null
    expect((await users.command({ cmd: 'add-user', user: `ben:${KEY}` }))!.ok).to.equal(true)
  })

  it('are changed one after the other, however many ask at once', async () => {
    const users = create(anna)
    const replies: (CommandReply | null)[] = await Promise.all(
      Array.from({ length: 20 }, (_, i) => users.command({ cmd: 'add-user', user: `user${i}:${KEY}-${i}` })),
    )
    expect(replies.every((reply) => reply!.ok)).to.equal(true)
    expect(told.map((all) => all.length)).to.deep.equal(Array.from({ length: 20 }, (_, i) => i + 2))
  })

  it('of the configuration are exchanged by a reload, those that were added stay', async () => {
    const users = create(anna, { name: 'ben', key: 'a-key-of-ben-12345' })
    await users.command({ cmd: 'add-user', user: `cleo:${KEY}` })
    await users.command({ cmd: 'add-user', user: 'dora:a-key-of-dora-1234' })
    cut = 1
    const dora: ServerUser = { name: 'dora', key: 'another-key-of-dora' }
    expect(await users.replaceConfigured([anna, dora])).to.deep.equal({ cut: 1, users: 3 })
    expect(told.at(-1)).to.deep.equal([anna, dora, { name: 'cleo', key: KEY }])
    expect(await users.replaceConfigured([anna, { name: 'eve', key: KEY }])).to.include({ users: 2 })
    expect((await failure(users.replaceConfigured([anna, { ...anna, name: 'fay' }]))).message).to.match(/the same key/)
    expect(names(users)).to.deep.equal(['anna', 'eve'])
  })
})
