/** A cold start whose path is broken before the subject is there, and what is left of that afterwards. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import { Lab } from '../lab/lab.js'
import { at } from '../scenario/at.js'
import { defineScenario } from '../scenario/define.js'
import { planRun, type PlannedRun } from '../scenario/plan.js'
import { subjects, type CommandSide } from '../scenario/subject-input.js'
import { traffic } from '../scenario/traffic.js'
import { coldStart, type ColdStartOutput } from './cold-start.js'

const server: CommandSide = { start: 'sleep 60', ready: 'true' }
/** A client that ends is not ready, so that nothing is measured. */
const client = (start: string): CommandSide => ({ start, ready: { output: 'never' } })

/**
 * What the client sees of path a when it is started: carrier, or `-` while the device is down; then whether a ping comes
 * through.
 */
const LOOK = `cat /sys/class/net/a/carrier >{workdir}/carrier 2>/dev/null || echo - >{workdir}/carrier
ping -q -c 1 -W 1 -I a {server.address.a} >/dev/null; echo $? >{workdir}/ping; exit 3`

describe('a cold start with faults before it', () => {
  let lab: Lab
  let directory = ''
  const scenarioWith = (start: string) =>
    defineScenario({
      name: 'x',
      description: 'x',
      paths: {
        a: { rate: '100mbit', delay: '2ms', queue: '1bdp' },
        b: { rate: '100mbit', delay: '2ms', queue: '1bdp' },
      },
      subjects: [subjects.command({ name: 'vpn', server, client: client(start), target: '10.100.2.2' })],
      phases: {
        carrier: { traffic: probe, faults: [at('start').carrier('a', 'off')], subjects: ['vpn'] },
        silent: { traffic: probe, faults: [at('start').blackhole('a')], subjects: ['vpn'] },
        whole: { traffic: probe, subjects: ['vpn'] },
      },
    })
  const probe = { probe: traffic.udpProbe({ every: '10ms', duration: '100ms' }) }

  before(async () => {
    directory = mkdtempSync(join(tmpdir(), 'cold-start-'))
    lab = await Lab.open(scenarioWith('true').paths)
  })
  after(async () => {
    await lab.close()
    rmSync(directory, { recursive: true })
  })

  function runOf(start: string, phase: string): PlannedRun {
    const plan = planRun(scenarioWith(start), { repeats: 1, seed: 1, grep: phase })
    expect(plan).to.have.length(1)
    return plan[0]!
  }

  async function start(run: PlannedRun, signal = new AbortController().signal): Promise<ColdStartOutput> {
    return coldStart({
      lab,
      run,
      measurements: new Map(),
      resultDirectory: directory,
      signal,
      onMeasurement: () => undefined,
      onSample: () => undefined,
    })
  }

  const seen = (folder: string, file: string): string =>
    readFileSync(join(directory, 'runs', 'vpn', folder, file), 'utf8').trim()

  async function pathWorks(): Promise<boolean> {
    const { server4 } = lab.path('a').addresses
    const { exitCode } = await lab.client.run('ping', ['-q', '-c', '1', '-W', '2', '-I', 'a', server4], {
      check: false,
    })
    return exitCode === 0
  }

  // The client says what it saw and ends, which is a failed start: the path must be whole again all the same.
  for (const [phase, carrier] of [
    ['carrier', '0'],
    ['silent', '1'],
  ] as const) {
    it(`${phase}: the client meets the fault, and the next subject does not`, async () => {
      const out = await start(runOf(LOOK, phase))
      expect(out.crashed).to.match(/^vpn: /)
      expect(out.samples.map((sample) => sample.status)).to.deep.equal(['failed'])
      expect(seen(`1-${phase}`, 'carrier')).to.equal(carrier)
      expect(seen(`1-${phase}`, 'ping')).to.not.equal('0')
      expect(await pathWorks()).to.equal(true)
    })
  }

  it('without faults sees a whole path, and keeps the folder of its round', async () => {
    await start(runOf(LOOK, 'whole'))
    expect(seen('1', 'carrier')).to.equal('1')
    expect(seen('1', 'ping')).to.equal('0')
  })

  it('leaves the path whole when it is interrupted', async () => {
    const abort = new AbortController()
    const started = start(runOf('sleep 60', 'silent'), abort.signal)
    abort.abort(new Error('enough'))
    const rejected = await started.then(
      () => false,
      () => true,
    )
    expect(rejected).to.equal(true)
    expect(await pathWorks()).to.equal(true)
  })
})
