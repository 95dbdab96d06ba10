import { expect } from 'chai'
import { renderGithubAnnotations, renderGithubSummary } from './github.js'
import { escapeXml, renderJunit } from './junit.js'
import { renderTap } from './tap.js'
import { makeResult } from './testing/fixture.js'
import { makeHostileResult } from './testing/hostile.js'

/** Throws unless tags are balanced and no bare `<` or `&` is left: enough for XML that uses no comments or CDATA. */
function wellFormed(xml: string): number {
  const open: string[] = []
  let tags = 0
  const rest = xml.replace(
    /<\?xml[^?]*\?>|<(\/?)([a-z-]+)((?: [a-z-A-Z]+="[^"<]*")*) ?(\/?)>/g,
    (_, end, name, _a, empty) => {
      tags++
      if (end === '/') expect(open.pop()).to.equal(name)
      else if (name !== undefined && empty !== '/') open.push(String(name))
      return ''
    },
  )
  expect(open).to.deep.equal([])
  expect(rest).to.not.match(/[<>]/)
  expect(xml).to.not.match(/&(?!(amp|lt|gt|quot|#\d+);)/)
  return tags
}

describe('JUnit XML', () => {
  it('has a test case per expectation, guard and subject', () => {
    const xml = renderJunit(makeResult())
    wellFormed(xml)
    expect(xml).to.include('<testsuite name="asym"').and.to.include('tests="9" failures="1" errors="0" skipped="2"')
    expect(xml).to.include('<failure message="median 212 ms, worst 231 ms in repeat 3">')
    expect(xml).to.match(
      /name="wireguard-go runs" time="0"><skipped message="wireguard-go is not installed\. To run it: apt/,
    )
  })

  it('fails the subject that crashed', () => {
    const result = makeResult()
    const mqvpn = result.subjects.find((subject) => subject.id === 'mqvpn')!
    Object.assign(mqvpn, { status: 'crashed', reason: 'exit code 139' })
    expect(renderJunit(result)).to.match(/name="mqvpn runs" time="0"><failure message="exit code 139">/)
  })

  it('stays well-formed with hostile names, and drops what XML cannot hold', () => {
    expect(wellFormed(renderJunit(makeHostileResult()))).to.be.above(20)
    expect(escapeXml('a\u0000\u001b\ud800<"&\n')).to.equal('a\ufffd\ufffd\ufffd&lt;&quot;&amp;&#10;')
  })
})

describe('TAP', () => {
  it('has one numbered line per check', () => {
    const lines = renderTap(makeResult()).split('\n')
    expect(lines.slice(0, 2)).to.deep.equal(['TAP version 14', '1..9'])
    expect(lines.filter((line) => /^(not )?ok \d+ - /.test(line))).to.have.length(9)
    expect(lines.filter((line) => line.startsWith('not ok'))).to.have.length(1)
    expect(lines.filter((line) => line.includes(' # SKIP '))).to.have.length(2)
  })

  it('keeps its lines whole with hostile names', () => {
    const lines = renderTap(makeHostileResult()).trimEnd().split('\n')
    expect(lines.every((line) => /^(TAP|1\.\.|# |(not )?ok | {2})/.test(line))).to.equal(true)
  })
})

describe('GitHub annotations', () => {
  it('are errors for failures, and notices for what was skipped', () => {
    const lines = renderGithubAnnotations(makeResult()).trimEnd().split('\n')
    expect(lines[0]).to.equal(
      '::error file=scenarios/asym.ts,title=asym%3A expectation failed::mptcp outage (failover-a/4, degraded) is at most ' +
        '200 ms: median 212 ms, worst 231 ms in repeat 3',
    )
    expect(lines.slice(1).every((line) => line.startsWith('::notice '))).to.equal(true)
  })

  it('only warn when the run is not to be believed', () => {
    const text = renderGithubAnnotations(makeResult({ repeats: 1 }))
    expect(text)
      .to.match(/^::warning .*expectation failed/m)
      .and.to.match(/^::warning .*not a measurement/m)
    expect(text).to.not.include('::error')
  })

  it('cannot be made to say more by a name', () => {
    const lines = renderGithubAnnotations(makeHostileResult()).trimEnd().split('\n')
    for (const line of lines) expect(line).to.match(/^::(error|warning|notice) file=scenarios\/asym\.ts,title=[^:,]*::/)
    expect(lines.some((line) => line.startsWith('::error::owned'))).to.equal(false)
  })

  it('have a summary that GitHub accepts', () => {
    expect(renderGithubSummary(makeResult())).to.include('| mqvpn |')
    const result = makeResult()
    result.expectations = Array.from({ length: 20_000 }, () => result.expectations[0]!)
    expect(Buffer.byteLength(renderGithubSummary(result))).to.be.below(2 ** 20)
  })
})
