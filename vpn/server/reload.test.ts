import { expect } from 'chai'
import { serverSchema, type ServerSettings } from '../config/settings.js'
import { UsageError } from '../errors.js'
import type { ServerCertificate } from './certificate.js'
import { Reload, type Reloadable } from './reload.js'

const certificate: ServerCertificate = { certFile: 'c', keyFile: 'k', pin: 'ab', created: false, selfSigned: false }
const settingsOf = (values: Record<string, unknown> = {}): ServerSettings => serverSchema.parse(values)

describe('a reload', () => {
  let lines: string[]
  let done: string[]
  beforeEach(() => {
    lines = []
    done = []
  })
  const note =
    (level: string) =>
    (text: string, fields?: object): void =>
      void lines.push(`${level} ${text}${fields ? ` ${JSON.stringify(fields)}` : ''}`)
  const create = (change: Partial<Reloadable> = {}) =>
    new Reload(settingsOf(), {
      load: () => settingsOf({ user: ['anna:a-key-of-anna-1234'] }),
      usersOf: ({ user }) => user,
      certificateOf: () => certificate,
      useUsers: async (users) => {
        done.push(`users ${users.map(({ name }) => name).join()}`)
        return { cut: 1, users: users.length }
      },
      useCertificate: async ({ pin }) => void done.push(`certificate ${pin}`),
      log: { info: note('info'), warn: note('warn'), error: note('error') },
      ...change,
    })

  it('applies users and certificate, and says what it did', async () => {
    await create().run()
    expect(done).to.deep.equal(['users anna', 'certificate ab'])
    expect(lines).to.deep.equal(['info reloaded {"cut":1,"users":1,"pin":"ab"}'])
  })

  for (const [what, change] of [
    ['the configuration', { load: fail }],
    ['a user', { usersOf: fail }],
    ['the certificate', { certificateOf: fail }],
  ] as [string, Partial<Reloadable>][]) {
    it(`changes nothing when ${what} is wrong, and names every problem`, async () => {
      await create(change).run()
      expect(done).to.deep.equal([])
      expect(lines).to.deep.equal([
        'error reload: nothing has changed: /etc/mqvpn/server.conf:3: Usr: is no key',
        'error reload: /etc/mqvpn/server.conf:5: User: write NAME:KEY',
      ])
    })
  }

  it('says so when the engine takes the users but not the certificate', async () => {
    await create({ useCertificate: () => Promise.reject(new Error('no')) }).run()
    expect(done).to.deep.equal(['users anna'])
    expect(lines).to.deep.equal([
      'error reload: the users are those of the configuration now, but not the certificate: no',
    ])
  })

  it('names what waits for a restart, each time', async () => {
    const reload = create({ load: () => settingsOf({ listen: '0.0.0.0:4433', maxClients: '3', authKey: 'x' }) })
    await reload.run()
    await reload.run()
    const warnings = lines.filter((line) => line.startsWith('warn'))
    expect(warnings).to.deep.equal(
      Array.from(
        { length: 2 },
        () => 'warn reload: some changes wait for a restart {"settings":["listen","maxClients"]}',
      ),
    )
  })

  it('waits for one that is under way', async () => {
    let open = (): void => undefined
    const gate = new Promise<void>((resolve) => (open = resolve))
    let first = true
    const reload = create({
      useCertificate: async () => {
        const waits = first
        first = false
        if (waits) await gate
        done.push('certificate')
      },
    })
    const both = Promise.all([reload.run(), reload.run()])
    await new Promise((resolve) => setImmediate(resolve))
    expect(done).to.deep.equal(['users anna'])
    open()
    await both
    expect(done).to.deep.equal(['users anna', 'certificate', 'users anna', 'certificate'])
  })
})

function fail(): never {
  throw new UsageError('/etc/mqvpn/server.conf:3: Usr: is no key\n/etc/mqvpn/server.conf:5: User: write NAME:KEY')
}
