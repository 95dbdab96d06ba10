/** The command line as a user meets it: exit codes, messages, and that nothing is left behind. Needs root. */
import type { ChildProcess } from 'node:child_process'
import type { Readable } from 'node:stream'
import { mkdtempSync, readdirSync, readFileSync, existsSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { execa } from 'execa'
import { expect } from 'chai'

const MAIN = join(import.meta.dirname, '..', 'harness', 'cli', 'main.ts')

/** What a lab may leave on the host. */
async function traces(): Promise<string[]> {
  const list = (directory: string): string[] => (existsSync(directory) ? readdirSync(directory) : [])
  const nft = (await execa('nft', ['list', 'tables'], { reject: false })).stdout
  return [
    ...list('/run/netns').filter((name) => name.startsWith('mqb')),
    ...list('/etc/netns').filter((name) => name.startsWith('mqb')),
    ...list('/run/mqvpn-bench'),
    ...list('/var/run/wireguard').filter((name) => name.includes('mqb')),
    ...nft.split('\n').filter((line) => line.includes('mqvpn')),
  ]
}

/** Of a lab of that owner; other runs on this machine may have theirs. */
const ofOwner = (all: readonly string[], pid: number | undefined): string[] =>
  all.filter((name) => name.includes(`mqb${pid}-`))

describe('command line (root)', () => {
  let directory: string
  const file = (name: string, text: string): string => {
    const path = join(directory, name)
    writeFileSync(path, text)
    return path
  }
  const bench = (args: readonly string[], options: object = {}) =>
    execa('node', ['--import', 'tsx', MAIN, ...args], {
      reject: false,
      stdin: 'ignore',
      env: { NO_COLOR: '1' },
      ...options,
    })
  /** To the end; with the pid, which the lab's names carry. */
  const ended = async (args: readonly string[]) => {
    const child = bench(args)
    const { exitCode, stdout, stderr } = await child
    return { exitCode, stdout, stderr, pid: child.pid }
  }
  const scenario = (body: string): string => `
    import { at, defineScenario, subjects, traffic } from 'mqvpn-bench'
    export default defineScenario({
      name: 'test', description: 'For a test.', repeats: 1,
      paths: { a: { rate: '20mbit', delay: '5ms', queue: '1bdp' }, b: { rate: '10mbit', delay: '10ms', queue: '1bdp' } },
      ${body}
    })`
  const bulk = (seconds: number): string =>
    scenario(
      `subjects: [], traffic: { bulk: traffic.iperf({ direction: 'up', streams: 1, duration: '${seconds}s', omit: '1s' }), probe: traffic.udpProbe({ every: '10ms' }) },`,
    )

  before(() => {
    directory = mkdtempSync(join(tmpdir(), 'mqvpn-bench-cli-'))
  })
  after(() => {
    rmSync(directory, { recursive: true, force: true })
  })

  it('runs a scenario to a result that can be rendered again and compared with itself', async () => {
    const output = join(directory, 'results')
    const run = await ended([bulk1(), '--output', output, '--reporter', 'json', '--allow-untrusted', '--seed', '3'])
    expect(run.exitCode, `${run.stdout}\n${run.stderr}`).to.be.oneOf([0, 4])
    expect(run.stdout)
      .to.match(/direct:a/)
      .and.to.match(/NOT A MEASUREMENT/i)
    const latest = join(output, 'test', 'latest')
    const result = JSON.parse(readFileSync(join(latest, 'result.json'), 'utf8')) as {
      samples: { subject: string; goodput: { windows: { bitsPerSecond: number }[] } }[]
      seed: number
    }
    expect(result.seed).to.equal(3)
    const goodput = (id: string): number =>
      result.samples.find((sample) => sample.subject === id)?.goodput.windows[0]?.bitsPerSecond ?? 0
    expect(goodput('direct:a')).to.be.closeTo(19.1e6, 1e6)
    expect(goodput('direct:b')).to.be.closeTo(9.5e6, 0.6e6)
    const again = await bench(['report', latest])
    expect(again.exitCode, again.stderr).to.equal(0)
    const compared = await bench(['compare', latest, latest])
    expect(compared.exitCode, compared.stderr).to.equal(0)
    expect(ofOwner(await traces(), run.pid)).to.deep.equal([])

    function bulk1(): string {
      return file('bulk.ts', bulk(2))
    }
  })

  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    it(`cleans up after ${signal} in the middle of a measurement and ends with 130`, async () => {
      const output = join(directory, `results-${signal}`)
      const child = bench([file('long.ts', bulk(600)), '--output', output, '--reporter', 'none', '--allow-untrusted'])
      await measuring(child)
      expect(ofOwner(await traces(), child.pid)).not.to.deep.equal([])
      process.kill(child.pid ?? 0, signal)
      const { exitCode, stderr } = await child
      expect(exitCode, stderr).to.equal(130)
      expect(ofOwner(await traces(), child.pid)).to.deep.equal([])
      const partial = JSON.parse(readFileSync(join(output, 'test', 'latest', 'result.json'), 'utf8')) as {
        interrupted: boolean
      }
      expect(partial.interrupted).to.equal(true)
    })
  }

  it('leaves no namespace, process, file or table after SIGKILL in the middle', async () => {
    const child = bench([
      file('long.ts', bulk(600)),
      '--output',
      join(directory, 'killed'),
      '--reporter',
      'none',
      '--allow-untrusted',
    ])
    await measuring(child)
    child.kill('SIGKILL')
    await child
    // The guardian and the death signals of the children need a moment; a trace that stays makes this test hang and fail.
    while (ofOwner(await traces(), child.pid).length > 0) await pause()
    while ((await processesOf(join(directory, 'killed'))).length > 0) await pause()
  })

  it('says where a scenario is wrong, before anything is made, and ends with 2', async () => {
    const wrong = file(
      'wrong.ts',
      scenario(
        `subjects: [], traffic: { bulk: traffic.iperf({ direction: 'up', streams: 1, duration: 3 as never }) },`,
      ),
    )
    const { exitCode, stderr, pid } = await ended([wrong])
    expect(exitCode).to.equal(2)
    expect(stderr).to.match(/wrong\.ts: .*duration.*write/i)
    expect(stderr).not.to.match(/\n\s+at /)
    expect(ofOwner(await traces(), pid)).to.deep.equal([])
    expect((await bench(['no-such-file.ts'])).exitCode).to.equal(2)
    expect((await bench(['run', '--shaper', 'magic', wrong])).exitCode).to.equal(2)
    expect((await bench([file('throws.ts', `throw new Error('on purpose')`)])).exitCode).to.equal(2)
  })

  it('says what is needed when it is not root, and ends with 3', async () => {
    const plain = file('plain.ts', bulk(1))
    // Another user id in a user namespace of its own: it can still read a clone that lies in root's home.
    const args = ['--user', '--map-user=65534', 'node', '--import', 'tsx', MAIN, plain, '--output', '/tmp/never']
    const { exitCode, stderr } = await execa('unshare', args, { reject: false, stdin: 'ignore' })
    expect(exitCode, stderr).to.equal(3)
    expect(stderr).to.match(/root|sudo/)
  })

  it('reports a subject that never becomes ready with the tail of its log, and ends with 5', async () => {
    const crash = file(
      'crash.ts',
      scenario(`subjects: [subjects.command({ name: 'broken',
        server: { start: 'echo the key is missing; exit 7', ready: 'false' }, client: { start: 'sleep 1000', ready: 'false' }, target: '10.9.9.1' })],
        traffic: { bulk: traffic.iperf({ direction: 'up', streams: 1, duration: '1s', omit: '0.5s' }) },`),
    )
    const { exitCode, stdout, stderr, pid } = await ended([
      crash,
      '--output',
      join(directory, 'crash'),
      '--reporter',
      'none',
      '--allow-untrusted',
    ])
    expect(exitCode, stdout + stderr).to.equal(5)
    expect(stdout + stderr).to.contain('the key is missing')
    expect(ofOwner(await traces(), pid)).to.deep.equal([])
  })

  it('shows the plan with --dry-run and touches nothing', async () => {
    const { exitCode, stdout, pid } = await ended([
      file('plan.ts', bulk(2)),
      '--dry-run',
      '--output',
      join(directory, 'dry'),
    ])
    expect(exitCode).to.equal(0)
    expect(stdout).to.contain('direct:a').and.to.contain('cold starts')
    expect(existsSync(join(directory, 'dry'))).to.equal(false)
    expect(ofOwner(await traces(), pid)).to.deep.equal([])
  })

  it('calibrates the links of a scenario, and prints configured and measured', async () => {
    const { exitCode, stdout, stderr } = await bench(['calibrate', file('calibrate.ts', bulk(1))])
    expect(exitCode, stderr).to.be.oneOf([0, 4])
    expect(stdout)
      .to.match(/a up +20mbit → (19|20)\.\d+ Mbit\/s/)
      .and.to.match(/b down +10mbit →/)
  })

  it('runs one command in a host with shell, and passes its exit code on', async () => {
    const plain = file('shell.ts', bulk(1))
    const ok = await bench(['shell', plain, '--', 'ip', '-br', 'address'])
    expect(ok.exitCode, ok.stderr).to.equal(0)
    expect(ok.stdout).to.contain('10.100.1.2/24').and.to.contain('10.100.2.2/24')
    expect((await bench(['shell', plain, '--host', 'server', '--', 'sh', '-c', 'exit 9'])).exitCode).to.equal(9)
  })
})

const pause = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 50))

/** Resolves when the run measures; rejects when it ends before. */
async function measuring(child: { stderr: Readable | null; once: ChildProcess['once'] }): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    let seen = ''
    child.stderr?.on('data', (chunk: Buffer) => {
      seen += chunk.toString()
      if (/starting/.test(seen)) resolve()
    })
    child.once('exit', () => {
      reject(new Error(`it ended before it measured: ${seen}`))
    })
  })
  // In the middle, not at the very start.
  await new Promise((resolve) => setTimeout(resolve, 1500))
}

/** Command lines that name a directory of a run. */
async function processesOf(directory: string): Promise<string[]> {
  const { stdout } = await execa('ps', ['-eo', 'args'])
  return stdout.split('\n').filter((line) => line.includes(directory) && !line.startsWith('ps '))
}
