/** Every example of docs/scenarios.md is run; blocks that name a key (```ts paths) are put into a whole scenario. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { expect } from 'chai'
import { FAULT_VERBS } from './faults.js'
import { loadScenario } from './load.js'
import { expectedLoss } from './loss.js'
import { defineScenario } from './define.js'
import { profiles } from './profiles.js'
import { traffic } from './traffic.js'

const text = readFileSync(new URL('../../docs/scenarios.md', import.meta.url), 'utf8')

/** Each with its info string after `ts`. */
const examples = [...text.matchAll(/^```ts(?: (\w+))?\n([\s\S]*?)^```/gm)].map(([, key = '', code]) => ({
  key,
  code: code!,
}))

const DEFAULTS: Record<string, string> = {
  paths: `paths: { a: { rate: '300mbit', delay: '10ms', queue: '1bdp' }, b: { rate: '80mbit', delay: '30ms', queue: '1bdp' } }`,
  subjects: 'subjects: [subjects.mptcp()]',
  traffic: `traffic: {
    bulk: traffic.iperf({ direction: 'up', streams: [1, 4], duration: '10s' }),
    probe: traffic.udpProbe({ every: '10ms' }),
  }`,
  faults: `faults: []`,
}

function wholeScenario(key: string, code: string): string {
  const parts: Record<string, string> = { ...DEFAULTS, [key]: code }
  if (key === 'expect') parts['faults'] = `faults: [at('2s').down('a'), at('5s').up('a')]`
  const used = Object.entries(parts).filter(([part]) => key !== 'phases' || (part !== 'traffic' && part !== 'faults'))
  return `import { at, defineScenario, gilbert, profiles, subjects, traffic } from 'mqvpn-bench'
export default defineScenario({ name: 'example', description: 'An example.', ${used.map(([, part]) => part).join(',\n')} })
`
}

describe('docs/scenarios.md', () => {
  const directory = mkdtempSync(path.join(tmpdir(), 'docs-'))
  after(() => {
    rmSync(directory, { recursive: true })
  })

  examples.forEach(({ key, code }, i) => {
    it(`example ${i + 1}${key && ` (${key})`} is a scenario`, async () => {
      const file = path.join(directory, `example-${i}.ts`)
      writeFileSync(file, key === '' ? code : wholeScenario(key, code))
      const { scenario } = await loadScenario(file)
      expect(scenario.measurements).to.not.be.empty
    })
  })

  it('has examples of every part', () => {
    expect(examples.map(({ key }) => key)).to.include.members([
      '',
      'paths',
      'traffic',
      'faults',
      'phases',
      'subjects',
      'expect',
    ])
  })

  it('names every verb of a fault', () => {
    for (const verb of FAULT_VERBS) expect(text).to.match(new RegExp(`\`${verb}\\(`), verb)
  })

  it('tells the numbers of every profile', () => {
    const rows = new Map(
      [...text.matchAll(/^\| `([a-z-]+)` +\| ([\d.]+) \/ ([\d.]+) +\| ([\d.]+)(?: ± ([\d.]+))? ms +\| (\S+) /gm)].map(
        (m) => [m[1], m],
      ),
    )
    expect([...rows.keys()]).to.deep.equal(Object.keys(profiles))
    const { paths } = defineScenario({
      name: 'x',
      description: 'x',
      paths: Object.fromEntries(Object.entries(profiles).slice(0, 8)),
      traffic: { bulk: traffic.iperf({ direction: 'up', duration: '1s' }) },
    })
    for (const { name, up, down } of paths) {
      const [, , rateDown, rateUp, delay, jitter, loss] = rows.get(name)!
      expect([Number(rateDown) * 1e6, Number(rateUp) * 1e6], name).to.deep.equal([down.bitsPerSecond, up.bitsPerSecond])
      expect([Number(delay), Number(jitter ?? 0)], name).to.deep.equal([up.delayMs, up.jitterMs])
      expect(loss === '–' ? 0 : Number(loss) / 100, name).to.be.closeTo(expectedLoss(up.loss), 3e-4)
    }
  })
})
