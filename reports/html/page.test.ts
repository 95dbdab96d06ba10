import { createHash } from 'node:crypto'
import { gunzipSync } from 'node:zlib'
import { expect } from 'chai'
import type { Result } from '../../harness/results/schema.js'
import { makeResult } from '../testing/fixture.js'
import { makeHostileResult } from '../testing/hostile.js'
import { renderHtml } from './page.js'

const inner = (page: string, id: string): string =>
  new RegExp(`<script[^>]* id="${id}"[^>]*>([^<]*)</script>`).exec(page)?.[1]?.trim() ?? ''

describe('the HTML report', () => {
  const result = makeResult()
  const page = renderHtml(result)

  it('holds the whole result', () => {
    expect(JSON.parse(inner(page, 'result'))).to.deep.equal(JSON.parse(JSON.stringify(result)))
  })

  it('packs a large result, so that the file stays small', () => {
    const samples = [1, 2, 3].flatMap((turn) =>
      result.samples.map((sample) => ({ ...sample, repeat: sample.repeat * turn })),
    )
    const large: Result = { ...result, samples }
    const packed = renderHtml(large)
    expect(packed.length).to.be.below(3_000_000)
    const json = gunzipSync(Buffer.from(inner(packed, 'result-gzip'), 'base64')).toString()
    expect((JSON.parse(json) as Result).samples).to.have.length(samples.length)
  })

  it('asks the network for nothing', () => {
    const text = page.replace(/<script[^>]*>[^]*?<\/script>/g, '').replace(/<meta http-equiv[^>]*>/g, '')
    expect(text).to.not.match(/(src|href)="(?!#|data:,")/)
    expect(text).to.not.match(/url\(|@import/)
    expect(page).to.not.include('sourceMappingURL')
  })

  it('allows its own scripts by hash and no others', () => {
    const policy = /http-equiv="Content-Security-Policy"\s+content="([^"]*)"/.exec(page)?.[1] ?? ''
    const scripts = [...page.matchAll(/<script>([^]*?)<\/script>/g)].map((found) => found[1] ?? '')
    expect(scripts).to.have.length(2)
    for (const script of scripts) {
      expect(policy).to.include(createHash('sha256').update(script).digest('base64'))
    }
    expect(policy).to.include('default-src &#39;none&#39;').and.to.not.include('script-src &#39;unsafe')
  })

  it('gives every chart a text and a table', () => {
    const canvases = [...page.matchAll(/<canvas[^>]*data-chart[^>]*>/g)].map((found) => found[0])
    expect(canvases.length).to.be.at.least(8)
    for (const canvas of canvases) expect(canvas).to.match(/aria-label="[^"]{30,}"/)
    expect(page.match(/<summary>As a table<\/summary>/g)?.length).to.be.at.least(canvases.length)
  })

  it('warns in words and on every chart when it is not a measurement', () => {
    const doubtful = renderHtml(makeResult({ repeats: 1 }))
    expect(doubtful).to.include('<body class="untrusted">').and.to.include('role="alert"')
    const { charts } = JSON.parse(inner(doubtful, 'charts')) as { charts: Record<string, unknown> }
    for (const chart of Object.values(charts)) expect(JSON.stringify(chart)).to.include('"watermark"')
    expect(page).to.not.include('class="untrusted"').and.to.not.include('role="alert"')
  })

  it('survives a run without any sample', () => {
    const empty = renderHtml(makeResult({ empty: true }))
    expect(empty).to.include('Not done: nobody checked').and.to.not.include('id="timeline"')
  })

  it('escapes every name', () => {
    const hostile = renderHtml(makeHostileResult())
    const text = hostile.replace(/<script[^>]*>[^]*?<\/script>/g, '')
    expect(text).to.not.include('<img')
    expect(text).to.not.include('<script')
    expect(hostile.match(/<script/g)).to.have.length(4)
    expect(hostile.match(/<\/script/g)).to.have.length(4)
    expect(hostile).to.include('&lt;img src=x onerror=')
  })
})
