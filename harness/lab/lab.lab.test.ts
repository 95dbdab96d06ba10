/** The lab for real: needs root. */
import { existsSync } from 'node:fs'
import { execa } from 'execa'
import { expect } from 'chai'
import { pathOfTest } from '../testing/specs.js'
import { SERVER4, SERVER6 } from './addressing.js'
import { netnsExists } from '../testing/netns.js'
import { Lab } from './lab.js'
import type { Path } from './path.js'
import { allLabs, removeStaleLabs } from './registry.js'

const PINGS = ['-n', '-q', '-i', '0.02', '-c', '5', '-W', '1']

async function pings(lab: Lab, ...where: string[]): Promise<boolean> {
  return (await lab.client.run('ping', [...PINGS, ...where], { check: false })).exitCode === 0
}

/** Median round-trip time of a few pings, ms. */
async function rtt(lab: Lab, ...where: string[]): Promise<number> {
  const { stdout } = await lab.client.run('ping', ['-n', '-i', '0.02', '-c', '9', ...where])
  const times = [...stdout.matchAll(/time=([\d.]+)/g)].map((match) => Number(match[1])).toSorted((a, b) => a - b)
  return times[Math.floor(times.length / 2)] ?? NaN
}

describe('lab (root)', () => {
  let lab: Lab
  let a: Path
  let b: Path

  before(async () => {
    lab = await Lab.open([pathOfTest('a'), pathOfTest('b', { delayMs: 15 })])
    a = lab.path('a')
    b = lab.path('b')
  })

  afterEach(async () => {
    await a.restore()
    await b.restore()
  })

  after(() => lab.close())

  it("reaches the server's one address over every path, by device and by source address, in both families", async () => {
    expect(await rtt(lab, '-I', 'a', SERVER4)).to.be.closeTo(10, 3)
    expect(await rtt(lab, '-I', 'b', SERVER4)).to.be.closeTo(30, 3)
    expect(await rtt(lab, '-I', a.client4, SERVER4)).to.be.closeTo(10, 3)
    expect(await rtt(lab, '-I', b.client4, SERVER4)).to.be.closeTo(30, 3)
    expect(await rtt(lab, '-I', b.client6, SERVER6)).to.be.closeTo(30, 3)
    expect(await rtt(lab, SERVER4), 'the first path is preferred').to.be.closeTo(10, 3)
  })

  it('keeps hosts apart: the client does not reach the internet host, and each host has a resolv.conf of its own', async () => {
    expect((await lab.client.run('cat', ['/etc/resolv.conf'])).stdout).to.contain(`client of lab ${lab.id}`)
    expect((await lab.server.run('cat', ['/etc/resolv.conf'])).stdout).to.contain(`server of lab ${lab.id}`)
    expect((await lab.server.run('ping', [...PINGS, '198.51.100.2'])).exitCode).to.equal(0)
    expect(await pings(lab, '-w', '1', '198.51.100.2')).to.equal(false)
  })

  it('takes a path down and up: the other one carries on, and addresses and routes come back', async () => {
    await a.down()
    expect(await pings(lab, '-I', 'a', SERVER4)).to.equal(false)
    expect(await rtt(lab, SERVER4)).to.be.closeTo(30, 3)
    await a.up()
    expect(await rtt(lab, SERVER4)).to.be.closeTo(10, 3)
    expect(await pings(lab, '-I', a.client6, SERVER6)).to.equal(true)
  })

  it('pulls the cable: the client sees no carrier and its routes over the path are not used', async () => {
    await a.carrier(false)
    expect((await lab.client.run('ip', ['link', 'show', 'a'])).stdout).to.contain('NO-CARRIER')
    expect(await rtt(lab, SERVER4)).to.be.closeTo(30, 3)
    await a.carrier(true)
    expect(await rtt(lab, SERVER4)).to.be.closeTo(10, 3)
  })

  it('makes a black hole in one direction while the carrier stays', async () => {
    await a.blackhole('down')
    expect(await pings(lab, '-w', '1', '-I', 'a', SERVER4)).to.equal(false)
    expect((await lab.client.run('ip', ['link', 'show', 'a'])).stdout).not.to.contain('NO-CARRIER')
    const { paths } = await lab.shaper.counters()
    expect(paths['a']?.down.dropBlackhole).to.be.greaterThan(0)
    expect(paths['a']?.up.dropBlackhole).to.equal(0)
    await a.restore()
    expect(await pings(lab, '-I', 'a', SERVER4)).to.equal(true)
  })

  it('changes delay and loss on a live path, and restore puts both back', async () => {
    await a.delay(40, 'up')
    expect(await rtt(lab, '-I', 'a', SERVER4)).to.be.closeTo(45, 3)
    await a.loss({ kind: 'random', probability: 1 })
    expect(await pings(lab, '-w', '1', '-I', 'a', SERVER4)).to.equal(false)
    await a.restore()
    expect(await rtt(lab, '-I', 'a', SERVER4)).to.be.closeTo(10, 3)
  })

  it("changes the client's address, and back on restore", async () => {
    const before = a.client4
    await a.readdress()
    expect(a.client4).not.to.equal(before)
    expect(await pings(lab, '-I', a.client4, SERVER4)).to.equal(true)
    expect(await pings(lab, '-I', before, SERVER4)).to.equal(false)
    await a.restore()
    expect(a.client4).to.equal(before)
    expect(await pings(lab, '-I', before, SERVER4)).to.equal(true)
  })

  it('sets the MTU on the devices, or silently on the way', async () => {
    const big = ['-M', 'do', '-s', '1400', '-I', 'a', SERVER4]
    await a.mtu(1300)
    expect(await pings(lab, ...big)).to.equal(false)
    await a.restore()
    expect(await pings(lab, ...big)).to.equal(true)
    await a.mtu(1300, true)
    expect(await pings(lab, '-w', '1', ...big)).to.equal(false)
    expect((await lab.client.run('ip', ['link', 'show', 'a'])).stdout).to.contain('mtu 1500')
  })

  it('rebinds the NAT: the server sees the same flow from another port', async () => {
    await a.enableNat()
    const server = lab.server.spawn('sh', ['-c', 'tcpdump --immediate-mode -l -nn -i a udp port 7777 2>/dev/null'], {
      role: 'lab',
    })
    const ports: string[] = []
    server.onLine((line) => {
      const port = /10\.100\.1\.2\.(\d+) >/.exec(line)?.[1]
      if (port) ports.push(port)
    })
    const send = (): Promise<unknown> =>
      lab.client.run('bash', [
        '-c',
        'exec 3<>/dev/udp/10.100.1.1/7777; for i in 1 2 3 4 5; do echo x >&3 || true; sleep 0.1; done',
      ])
    const until = async (condition: () => boolean): Promise<void> => {
      for (let tries = 0; tries < 50 && !condition(); tries++) await send()
    }
    await until(() => ports.length > 0)
    const before = Number(ports.at(-1))
    await a.rebind()
    await until(() => Number(ports.at(-1)) >= 30000 && Number(ports.at(-1)) < 40000)
    await server.stop()
    expect(before).to.be.within(20000, 29999)
    expect(Number(ports.at(-1))).to.be.within(30000, 39999)
  })

  it('runs beside another lab without a shared name', async () => {
    const other = await Lab.open([pathOfTest('a', { delayMs: 25 })])
    try {
      expect(await rtt(other, '-I', 'a', SERVER4)).to.be.closeTo(50, 3)
      expect(await rtt(lab, '-I', 'a', SERVER4)).to.be.closeTo(10, 3)
    } finally {
      await other.close()
    }
    expect(netnsExists(other.client.netns)).to.equal(false)
    expect(netnsExists(lab.client.netns)).to.equal(true)
  })
})

describe('lab removal (root)', () => {
  const left = (id: string): boolean =>
    ['client', 'server', 'internet'].some(
      (host) => netnsExists(`${id}-${host}`) || existsSync(`/etc/netns/${id}-${host}`),
    )

  /** A process that opens a lab with a program inside, prints the lab's id, and waits. */
  function holder(end = '') {
    const code = `
      const { Lab } = await import('./harness/lab/lab.ts')
      const { pathOfTest } = await import('./harness/testing/specs.ts')
      const lab = await Lab.open([pathOfTest('a')])
      lab.client.spawn('sleep', ['1000'], { role: 'lab' })
      console.log(lab.id)
      ${end}
      setInterval(() => undefined, 1000)
    `
    return execa('node', ['--import', 'tsx', '--input-type=module', '-e', code], { reject: false, stdin: 'ignore' })
  }

  async function idOf(child: ReturnType<typeof holder>): Promise<string> {
    for await (const chunk of child.stdout as AsyncIterable<Buffer>) {
      const id = /mqb\d+-\d+/.exec(chunk.toString())?.[0]
      if (id) return id
    }
    throw new Error(`the holder said no lab id: ${(await child).stderr}`)
  }

  async function gone(id: string): Promise<void> {
    while (left(id) || allLabs().some((record) => record.lab === id))
      await new Promise((resolve) => setTimeout(resolve, 50))
  }

  it('leaves nothing after an exception that nobody caught', async () => {
    const child = holder(`setTimeout(() => { throw new Error('on purpose') }, 50)`)
    const id = await idOf(child)
    await child
    expect(left(id)).to.equal(false)
  })

  it('leaves nothing after SIGKILL: the guardian removes the lab', async () => {
    const child = holder()
    const id = await idOf(child)
    expect(left(id)).to.equal(true)
    child.kill('SIGKILL')
    await child
    await gone(id)
  })

  it('finds and removes a lab whose owner and guardian are both dead, and leaves living ones alone', async () => {
    const living = await Lab.open([pathOfTest('a')])
    const child = holder()
    const id = await idOf(child)
    const guardians = (await execa('pgrep', ['-f', `mqvpn-bench-guardian /run/mqvpn-bench/${id}$`])).stdout.split('\n')
    for (const pid of guardians) process.kill(Number(pid), 'SIGKILL')
    child.kill('SIGKILL')
    await child
    expect(left(id)).to.equal(true)
    const removed = removeStaleLabs()
    expect(removed.map((entry) => entry.lab)).to.include(id)
    expect(left(id)).to.equal(false)
    expect(netnsExists(living.client.netns)).to.equal(true)
    await living.close()
  })

  it('removes what it made when building fails half-way', async () => {
    const before = allLabs().length
    let failed = false
    try {
      await Lab.open([pathOfTest('a'), pathOfTest('a')])
    } catch {
      failed = true
    }
    expect(failed).to.equal(true)
    expect(allLabs().length).to.equal(before)
  })
})
