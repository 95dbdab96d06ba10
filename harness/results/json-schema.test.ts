import { readFileSync } from 'node:fs'
import { Ajv2020 } from 'ajv/dist/2020.js'
import { expect } from 'chai'
import { at } from '../scenario/at.js'
import { defineScenario } from '../scenario/define.js'
import { traffic } from '../scenario/traffic.js'
import { resultJsonSchema } from './json-schema.js'
import { result as resultSchema, type Result } from './schema.js'
import { summarize } from './summarize.js'
import { draftOf, goodput, probe, sampleOf } from './testing/run.js'

const file = new URL('../../schema/result.schema.json', import.meta.url)

const scenario = defineScenario({
  name: 'x',
  description: 'x',
  paths: { a: { rate: '300mbit', delay: '10ms', queue: '1bdp', loss: '1%' } },
  traffic: { bulk: traffic.iperf({ direction: 'up', duration: '9s' }), probe: traffic.udpProbe({ every: '10ms' }) },
  faults: [at('2s').down('a'), at('4s').up('a')],
  expect: ({ subject }) => [subject('direct:a').phase('bulk').goodput.in('healthy').atLeast('1mbit')],
})

function realResult(): Result {
  const draft = draftOf(scenario, 6, () => null)
  const [measurement] = draft.measurements
  draft.samples = [1, 2, 3, 4, 5, 6].map((repeat) =>
    sampleOf('direct:a', measurement!, repeat, {
      goodput: goodput({ healthy: 280 + repeat, degraded: 0, recovering: 100, restored: 280 }),
      probe: probe([{ longestGapMs: null, delayP50Ms: null }, { direction: 'down' }], { up: 10, down: null }),
    }),
  )
  return summarize(draft)
}

describe('the JSON Schema of results', () => {
  const validate = new Ajv2020({ strict: true, allErrors: true }).compile(resultJsonSchema())

  it('is the one that the package ships (npx tsx harness/results/json-schema.ts && npx prettier --write schema)', () => {
    expect(JSON.parse(readFileSync(file, 'utf8'))).to.deep.equal(resultJsonSchema())
  })

  it('accepts a result, as zod does', () => {
    const result = JSON.parse(JSON.stringify(realResult())) as unknown
    resultSchema.parse(result)
    validate(result)
    expect(validate.errors).to.equal(null)
  })

  it('refuses a broken one, and says where', () => {
    const { exitCode: _, ...incomplete } = realResult()
    expect(validate(incomplete)).to.equal(false)
    const unknown = { ...realResult(), extra: 1 }
    expect(validate(unknown)).to.equal(false)
    const negative = structuredClone(realResult())
    negative.samples[0]!.busiestCore = 1.5
    expect(validate(negative)).to.equal(false)
    expect(validate.errors!.map((error) => error.instancePath)).to.deep.equal(['/samples/0/busiestCore'])
  })
})
