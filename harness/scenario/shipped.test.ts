/** Every scenario that ships loads, and takes as long as it says. */
import { readFileSync, readdirSync } from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect } from 'chai'
import { summarize } from '../results/summarize.js'
import { draftOf, goodput, probe, sampleOf } from '../results/testing/run.js'
import { adapterFor } from '../subjects/index.js'
import { LEAST_VALUES } from '../stats/median-interval.js'
import { estimateMs } from './duration.js'
import { type LoadedScenario, loadScenario } from './load.js'
import { applies, planRun } from './plan.js'
import { drawTopology } from './topology.js'

const directory = fileURLToPath(new URL('../../scenarios', import.meta.url))
const files = readdirSync(directory).filter((file) => file.endsWith('.ts') && !file.includes('.test.'))

/** Calibration and all repeats. */
function seconds({ scenario }: LoadedScenario): number {
  return estimateMs(scenario, planRun(scenario, { repeats: scenario.repeats, seed: 1 })) / 1000
}

/** A run of it in which everything is measured that can be. */
function everythingMeasured({ scenario }: LoadedScenario) {
  const draft = draftOf(scenario, 1, () => null)
  for (const subject of scenario.subjects) {
    for (const spec of scenario.measurements) {
      if (!applies(spec, subject) || adapterFor(subject.kind).cannot(subject, spec) !== null) continue
      const measurement = draft.measurements.find((m) => m.id === spec.id)!
      const windows = measurement.windows.map((w) => w.name)
      const ways = ['up', 'down'] as const
      draft.samples.push(
        sampleOf(subject.id, measurement, 1, {
          goodput: spec.load && goodput(Object.fromEntries(windows.map((window) => [window, 1]))),
          probe:
            spec.probe &&
            probe(
              windows.flatMap((window) => ways.map((direction) => ({ window, direction }))),
              { up: 1, down: 1 },
            ),
          udp: spec.load?.kind === 'udp' ? { sent: 1, lost: 0, lostShare: 0, jitterMs: 0 } : null,
          cpuSecondsPerGigabyte: subject.kind === 'direct' ? null : 1,
        }),
      )
    }
  }
  return summarize(draft)
}

describe('shipped scenarios', () => {
  for (const file of files) {
    it(`${file} loads, is called after its file, and has its lab drawn at the top`, async () => {
      const { scenario } = await loadScenario(path.join(directory, file))
      expect(scenario.name).to.equal(path.basename(file, '.ts'))
      const [comment] = readFileSync(path.join(directory, file), 'utf8').split('*/')
      for (const { name } of scenario.paths) expect(comment).to.match(new RegExp(`── ${name}: +\\S`))
      expect(drawTopology(scenario)).to.include('client ──')
      expect(scenario.expectations).to.not.be.empty
    })

    it(`${file} expects only what its run can tell`, async () => {
      const { expectations } = everythingMeasured(await loadScenario(path.join(directory, file)))
      const unknown = expectations.filter((e) => e.status === 'unknown').map((e) => `${e.text}: ${e.detail}`)
      expect(unknown).to.deep.equal([])
    })
  }

  const load = (file: string) => loadScenario(path.join(directory, file))

  it('asym carries an interval and takes about a quarter of an hour', async () => {
    const asym = await load('asym.ts')
    expect(asym.scenario.repeats).to.be.at.least(LEAST_VALUES)
    expect(seconds(asym)).to.be.within(600, 930)
    expect(asym.scenario.measurements.map((m) => m.id)).to.deep.equal([
      'bulk/1',
      'bulk/4',
      'bulk/16',
      'bulk-down/1',
      'bulk-down/4',
      'bulk-down/16',
      'failover-a/4',
      'failover-a-down/4',
      'failover-b/4',
    ])
    expect(asym.scenario.paths.map((p) => p.up.queue)).to.deep.equal([{ bytes: 750_000 }, { bytes: 600_000 }])
  })

  it('failover carries an interval and takes at most eighteen minutes', async () => {
    const failover = await load('failover.ts')
    expect(failover.scenario.repeats).to.be.at.least(LEAST_VALUES)
    expect(seconds(failover)).to.be.below(1080)
  })

  it('smoke takes less than 40 seconds', async () => {
    expect(seconds(await load('smoke.ts'))).to.be.below(40)
  })
})
