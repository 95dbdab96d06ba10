import { expect } from 'chai'
import { existsSync, readFileSync } from 'node:fs'
import { flatName } from './keys.js'
import { SETTING_KEYS, settings } from './settings.js'

const docs = readFileSync(new URL('../../docs/mqvpn.md', import.meta.url), 'utf8')

/** Rows of the table of flags: what stands in its first two columns. */
const rows = docs
  .slice(docs.indexOf('\n## Flags'), docs.indexOf('\n## Configuration files'))
  .split('\n')
  .flatMap((line) => {
    const [, flags, file] = line.split(/(?<!\\)\|/)
    return flags?.includes('`--') && file !== undefined ? [{ flags, file: file.trim() }] : []
  })

describe('the documentation', () => {
  it('has every flag, with its key in a file', () => {
    for (const key of SETTING_KEYS) {
      const { flag, file } = settings[key]
      const row = rows.find(({ flags }) => new RegExp(`\`${flag}[ \`]`).test(flags))
      expect(row, flag).not.to.equal(undefined)
      expect(row!.file, flag).to.match(new RegExp(`^\\[${file[0]}\\] (\\w+, )*${file[1]}(, \\w+)*$`))
    }
  })

  it('has no flag that there is not', () => {
    const known = [...SETTING_KEYS.map((key) => settings[key].flag), '--config', '--no-config', '--mode', '--invite']
    const named = rows.flatMap(({ flags }) => [...flags.matchAll(/`(--[\w-]+)/g)].map(([, flag]) => flag))
    expect(known).to.include.members(named)
  })

  it('tells the names in JSON that are not those of the flags', () => {
    for (const key of SETTING_KEYS) {
      const usual = settings[key].flag.slice(2).replace(/^no-/, '').replaceAll('-', '_')
      if (flatName(key) !== usual) expect(docs, key).to.include(`\`${flatName(key)}\``)
    }
  })
})

describe('the table of features', () => {
  const features = new URL('../../docs/features.md', import.meta.url)
  const text = readFileSync(features, 'utf8')

  it('names files that there are', () => {
    const files = [...text.matchAll(/`([\w@./-]+\/[\w@.-]+\.[a-z]+)`/g)].map(([, path]) => path!)
    expect(files.length).to.be.above(50)
    for (const file of files) expect(existsSync(new URL(`../${file}`, features)), file).to.equal(true)
  })

  it('links to sections that there are', () => {
    const links = [...text.matchAll(/\]\((\w+\.md)(?:#([\w-]+))?\)/g)]
    expect(links.length).to.be.above(20)
    for (const [link, file, section] of links) {
      const headings = readFileSync(new URL(file!, features), 'utf8').matchAll(/^#+ (.+)$/gm)
      const names = [...headings].map(([, heading]) =>
        heading!
          .toLowerCase()
          .replaceAll(' ', '-')
          .replace(/[^\w-]/g, ''),
      )
      if (section !== undefined) expect(names, link).to.include(section)
    }
  })
})
