import { createContext, Script } from 'node:vm'
import { expect } from 'chai'
import { chartLibrary, clientScript } from './script.js'

describe('the scripts of the report', () => {
  it('compile alone, and use nothing that only exists in this project', () => {
    expect(() => new Script(clientScript())).to.not.throw()
    // Imports that were compiled away would leave names like `types_1` or `import_x`.
    expect(clientScript()).to.not.match(/\b(require|import)\(|\b\w+_\d+\.|\bexports\./)
  })

  it('define Chart', () => {
    const context = createContext({})
    const found: unknown = new Script(`${chartLibrary()}; typeof Chart`).runInContext(context)
    expect(found).to.equal('function')
  })

  it('cannot end their element early', () => {
    expect(chartLibrary() + clientScript()).to.not.match(/<\/script|<!--/i)
  })
})
