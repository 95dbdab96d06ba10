import { expect } from 'chai'
import { code, escapeMarkdown, renderMarkdown, table } from './markdown.js'
import { makeResult } from './testing/fixture.js'
import { makeHostileResult } from './testing/hostile.js'

describe('Markdown', () => {
  it('has the figures as tables', () => {
    const text = renderMarkdown(makeResult())
    expect(text).to.include('| subject | Mbit/s [95 %] | of best | of sum | delay p95 ms | CPU s/GB | bytes a/b % |')
    expect(text).to.match(/\| mqvpn \| 330 \[329, 333\] \| 116 % \| 92 % \|/)
    expect(text).to.include('- ✗ mptcp outage')
    expect(text).to.include('wireguard-go: missing.')
    expect(text).to.include('Run it again: `sudo npx mqvpn-bench run scenarios/asym.ts --seed 7 --repeats 6`')
  })

  it('says first when it is not a measurement', () => {
    expect(renderMarkdown(makeResult({ repeats: 1 }))).to.include('> **Not a measurement**\n> - One repeat')
  })

  it('keeps every row of a table on its line and in its columns', () => {
    const lines = table(['a', 'b'], [['x|y\nz', '`<b>`']]).split('\n')
    expect(lines).to.have.length(3)
    expect(lines[2]).to.equal('| x\\|y·z | \\`&lt;b&gt;\\` |')
  })

  it('lets no name become HTML, a link, an image, emphasis, a mention or a heading', () => {
    expect(escapeMarkdown('![x](http://y) *b* _c_ sch_netem @team # 1')).to.equal(
      '![x\\](http://y) \\*b\\* \\_c\\_ sch_netem @\u200bteam # 1',
    )
    expect(escapeMarkdown('# title')).to.equal('\\# title')
    const text = renderMarkdown(makeHostileResult())
    expect(text.replace(/`[^`]*`/g, '')).to.not.match(/<(img|script|!--)/)
  })

  it('quotes code that has backticks', () => {
    expect(code('a `b` ``c``')).to.equal('``` a `b` ``c`` ```')
  })
})
