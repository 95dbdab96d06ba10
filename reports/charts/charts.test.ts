import { expect } from 'chai'
import { makeResult } from '../testing/fixture.js'
import { cpuChart, delayCharts, goodputCharts, outageChart } from './index.js'
import { paint } from './paint.js'
import { subjectColour, themes } from './palette.js'
import { slug } from './slug.js'
import { timeline } from './timeline.js'
import { timelineOptions } from './timeline-options.js'
import type { Dataset, Marks, Point, ReferenceLines } from './types.js'

const result = makeResult()
const labelled = (datasets: Dataset[], label: string): Dataset => datasets.find((found) => found.label === label)!

describe('goodput charts', () => {
  const charts = goodputCharts(result)

  it('are one per phase, with measurements or windows as groups', () => {
    expect(charts.map((chart) => chart.id)).to.deep.equal([
      'goodput-1-bulk',
      'goodput-2-failover-a',
      'goodput-3-failover-b',
    ])
    expect(charts[0]?.config.data.labels?.flat()).to.include.members(['bulk/1', '1 TCP stream up', 'bulk/16'])
    expect(charts[1]?.config.data.labels).to.deep.equal(['healthy', 'degraded', 'restored'])
  })

  it('carry every repeat, the interval, outliers, and the lines of best path and sum', () => {
    const mptcp = labelled(charts[0]!.config.data.datasets, 'mptcp')
    const row = result.summary.find(
      (found) => found.subject === 'mptcp' && found.measurement === 'bulk/4' && found.metric === 'goodput',
    )!
    expect(mptcp.repeats?.[1]).to.deep.equal(row.estimate.values.map((value) => value * 1e-6))
    expect(mptcp.outliers?.[1]).to.deep.equal(row.estimate.outliers).and.to.have.length(1)
    expect(mptcp.intervals?.[1]).to.deep.equal([row.estimate.low! * 1e-6, row.estimate.high! * 1e-6])
    const { references } = charts[0]!.config.options['plugins'] as { references: ReferenceLines }
    expect(references.groups).to.have.length(3)
    expect(references.groups[0]?.sum).to.be.closeTo(359, 1)
  })

  it('have no line where there is no baseline, and no interval below six repeats', () => {
    const [bare] = goodputCharts({ ...result, baselines: [] })
    expect(bare!.config.options['plugins']).to.not.have.property('references')
    const few = goodputCharts(makeResult({ repeats: 1 }))
    expect(labelled(few[0]!.config.data.datasets, 'mqvpn').intervals).to.deep.equal([null, null, null])
  })

  it('are JSON: nothing is lost on the way into a page', () => {
    for (const chart of [...charts, ...delayCharts(result), outageChart(result)!, cpuChart(result)!]) {
      expect(JSON.stringify(chart.config)).to.equal(JSON.stringify(structuredClone(chart.config)))
    }
  })
})

describe('other charts', () => {
  it('are left out when there is nothing to draw', () => {
    const empty = makeResult({ empty: true })
    expect([goodputCharts(empty), delayCharts(empty), outageChart(empty), cpuChart(empty)]).to.deep.equal([
      [],
      [],
      null,
      null,
    ])
  })

  it('CPU has only subjects with processes of their own', () => {
    expect(cpuChart(result)?.config.data.datasets.map((found) => found.label)).to.deep.equal(['mqvpn'])
  })

  it('delay curves rise from 0 to 100 %', () => {
    const points = labelled(delayCharts(result)[0]!.config.data.datasets, 'mqvpn, loaded').data as Point[]
    expect(points[0]?.y).to.equal(0)
    expect(points.at(-1)?.y).to.equal(100)
    expect(points.every((point, place) => place === 0 || point.x >= points[place - 1]!.x)).to.equal(true)
  })
})

describe('the time line', () => {
  const measurement = result.measurements.find((found) => found.id === 'failover-a/4')!
  const sample = result.samples.find((found) => found.measurement === measurement.id && found.subject === 'mptcp')!
  const made = timeline(result.paths, measurement, sample, timelineOptions())

  it('stacks the paths, and lays the goodput over them', () => {
    const { datasets } = made.config.data
    expect(datasets.map((found) => [found.label, found['stack']])).to.deep.equal([
      ['goodput', 'goodput'],
      ['path a', 'paths'],
      ['path b', 'paths'],
    ])
    expect((datasets[1]?.data[40] as Point).y).to.equal(0)
  })

  it('marks faults when they were really applied, shades what is broken, and the outage', () => {
    const { marks } = made.config.options['plugins'] as { marks: Marks }
    expect(marks.lines.map((line) => line.label)).to.deep.equal(['a: down', 'a: up'])
    expect(marks.lines[0]?.at).to.equal(sample.faultsAppliedMs[0]! / 1000)
    expect(marks.spans.map((span) => [span.tone, span.label.replace(/\d+/, 'N')])).to.deep.equal([
      ['plain', 'healthy'],
      ['quiet', 'degraded'],
      ['plain', 'restored'],
      ['loud', 'outage N ms'],
    ])
    expect(made.alternative).to.match(/Outage in degraded: \d+ ms\./)
  })

  it('averages long series for drawing only', () => {
    const series = Array.from({ length: 10_000 }, (_, place) => ({
      atMs: place + 1,
      bitsPerSecond: place % 2 === 0 ? 0 : 2e6,
    }))
    const long = { ...sample, goodput: { ...sample.goodput!, series } }
    const points = labelled(
      timeline(result.paths, measurement, long, timelineOptions()).config.data.datasets,
      'goodput',
    ).data
    expect(points.length).to.be.within(200, 240)
    expect((points as Point[]).every((point) => point.y === 1)).to.equal(true)
  })
})

describe('colours', () => {
  it('are the same for a subject in every chart', () => {
    expect(subjectColour(result, 'direct:a')).to.equal('@d0')
    expect(subjectColour(result, 'mqvpn')).to.equal('@s0')
  })

  it('are painted where a colour is expected, and never in a label', () => {
    const painted = paint(
      { borderColor: '@s1', backgroundColor: '@s1/50', label: '@text', color: '@unknown' },
      themes.light,
    )
    expect(painted).to.deep.equal({
      borderColor: '#d55e00',
      backgroundColor: '#d55e007f',
      label: '@text',
      color: '@unknown',
    })
  })
})

describe('slugs', () => {
  it('are safe file names', () => {
    expect(slug('failover-a/4')).to.equal('failover-a-4')
    expect(slug('../<b>')).to.equal('b')
    expect(slug('経路')).to.equal('x')
  })
})
