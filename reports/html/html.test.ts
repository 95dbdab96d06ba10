import { expect } from 'chai'
import { escapeHtml, html, jsonForScript, raw } from './html.js'

describe('html templates', () => {
  it('escape every value, in text and in attributes', () => {
    expect(html`<b title="${`"'><i>`}">${'<&>'}</b>`.text).to.equal(
      '<b title="&quot;&#39;&gt;&lt;i&gt;">&lt;&amp;&gt;</b>',
    )
  })

  it('leave nested templates and trusted text alone, join lists, and show nothing for null', () => {
    expect(html`${[html`<i>${'<'}</i>`, raw('<hr>')]}${null}${false}${3}`.text).to.equal('<i>&lt;</i><hr>3')
  })

  it('make control characters and direction marks visible', () => {
    expect(escapeHtml('a\u001b[31m\u202eb')).to.equal('a\ufffd[31m\ufffdb')
  })
})

describe('JSON in a script', () => {
  it('cannot end the script, and stays the same JSON', () => {
    const value = { text: '</script><!-- \u2028 ]]>' }
    const { text } = jsonForScript(value)
    expect(text).to.not.include('<')
    expect(JSON.parse(text)).to.deep.equal(value)
  })
})
