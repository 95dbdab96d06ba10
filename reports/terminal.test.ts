import { expect } from 'chai'
import { width } from './model/text.js'
import { renderTerminal } from './terminal.js'
import { makeResult } from './testing/fixture.js'
import { makeHostileResult } from './testing/hostile.js'

const plain = { color: false, width: 100, reportPath: 'results/asym/latest/report.html' }

describe('the terminal summary', () => {
  it('says what was run, whether the links did what they should, and what came out', () => {
    const lines = renderTerminal(makeResult(), plain).split('\n')
    expect(lines[0]).to.equal(
      'asym · a 300 Mbit 10 ms · b 80 Mbit 30 ms · seed 7 · 6 repeats interleaved · shaper user',
    )
    expect(lines[2]).to.match(/^✓ calibration {2}a 299\.4\/298\.9 Mbit\/s \(−0\.\d %\) 10\.1 ms · b /)
    const mqvpn = lines.find((line) => line.startsWith('  mqvpn '))
    expect(mqvpn).to.match(/330 \[329, 333\] +116 % +92 % +27\.4 \(\+17\.0\) +2\.27 +79\/21$/)
  })

  it('gives outage, loss and every window where something breaks', () => {
    const text = renderTerminal(makeResult(), plain)
    expect(text).to.match(/healthy Mbit\/s \[95 %\] +degraded +restored +outage ms \[95 %\] +lost +bytes a\/b %/)
    expect(text).to.match(/mptcp +352 \[350, 354\] +75\.6 +340 +213 \[209, 224\] +21 +72\/28/)
  })

  it('lists expectations, guards, who did not take part and what would help', () => {
    const text = renderTerminal(makeResult(), plain)
    expect(text).to.include('✓ mqvpn goodput (bulk/16) is at least 105 % of the best path: 119 %')
    expect(text).to.include('✗ mptcp outage (failover-a/4, degraded) is at most 200 ms')
    expect(text).to.include('? wireguard-go goodput')
    expect(text).to.include('✓ guard headroom')
    expect(text).to.include('wireguard-go: missing. wireguard-go is not installed.')
    expect(text).to.include('to run it  apt install wireguard-go wireguard-tools')
    expect(text.trimEnd().split('\n').slice(-2)).to.deep.equal([
      'FAILED  1 of 3 expectations failed.',
      'report  results/asym/latest/report.html',
    ])
  })

  it('never exceeds its width, at 60, 80 and 100 columns, also with wide and hostile names', () => {
    for (const result of [makeResult(), makeHostileResult(), makeResult({ crashed: true, interrupted: true })]) {
      for (const columns of [60, 80, 100]) {
        const lines = renderTerminal(result, { ...plain, width: columns }).split('\n')
        // A path or a word that is longer than the line is kept whole, to be copied.
        const long = lines.filter((line) => width(line) > columns && / \S/.test(line.slice(columns - 20)))
        expect(long, `${columns} columns`).to.deep.equal([])
      }
    }
  })

  it('says which columns had no room', () => {
    expect(renderTerminal(makeResult(), { ...plain, width: 72 })).to.match(
      /\(no room for CPU s\/GB.*: see the report\)/,
    )
  })

  it('shouts when it is not a measurement, and claims no interval and no difference then', () => {
    const text = renderTerminal(makeResult({ repeats: 1, failedCalibration: true }), plain)
    expect(text).to.include('NOT A MEASUREMENT')
    expect(text).to.include('One repeat: six are the least that carry an interval.')
    expect(text).to.include('b 79.8/69.9 Mbit/s (−12.6 %) 30.1 ms FAILED')
    expect(text).to.not.include('[95 %]')
    expect(text).to.not.include('Differences')
    expect(text).to.match(/NOT A MEASUREMENT {2}These figures.*\nreport/)
  })

  it('survives a run without any sample', () => {
    const text = renderTerminal(makeResult({ empty: true, interrupted: true }), plain)
    expect(text).to.include('not done: nobody checked what the links do')
    expect(text).to.include('INTERRUPTED')
  })

  it('counts failed repeats and says why', () => {
    const text = renderTerminal(makeResult({ crashed: true }), plain)
    expect(text).to.include('mqvpn (1/6 failed)')
    expect(text).to.include('A repeat of mqvpn (bulk/16) failed: mqvpn client exited with code 139')
  })

  it('lets no escape sequence or line end through', () => {
    const text = renderTerminal(makeHostileResult(), plain)
    expect(text).to.not.match(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202e]/)
    expect(text.split('\n').filter((line) => line.startsWith('::'))).to.deep.equal([])
  })

  it('adds colour only where it is wanted, and never a word', () => {
    const colourful = renderTerminal(makeResult(), { ...plain, color: true })
    expect(colourful).to.include('\u001b[')
    expect(colourful.replace(/\u001b\[[0-9;]*m/g, '')).to.equal(renderTerminal(makeResult(), plain))
  })
})
