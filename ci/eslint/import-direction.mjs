/**
 * Who may know whom. A specifier is turned into a path inside the repository by its text alone, so the rule also sees
 * files that do not exist yet, and `import()`, `export … from`, `import type` and `require()` as well as `import`.
 */
import path from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('../..', import.meta.url))

/** Folders whose code ships or is tested; what is not below one of them is not judged. */
const folders = ['harness', 'reports', 'scenarios', 'vpn', 'common', 'native', 'build', 'ci', 'test', 'dist']

/** This package imported by its own name, as users do. */
const self = 'mqvpn-bench'

/**
 * One sentence per folder, and what its files may import from the rest of the repository. Packages from npm and
 * modules of Node are free, except for scenarios.
 * @type {Record<string, { sentence: string, may: (target: string, from: string) => boolean }>}
 */
const layout = {
  reports: {
    sentence: 'reports read result files: of the repository they may import only harness/results/schema',
    may: (target) => target === 'harness/results/schema',
  },
  harness: {
    sentence:
      'harness never imports vpn (it starts mqvpn as a user would), scenarios or the addon (only harness/native does)',
    may: (target, from) => target.startsWith('reports/') || isCommon(target, from, 'harness/native'),
  },
  vpn: {
    sentence: 'vpn imports nothing of harness, reports and scenarios, and the addon only in vpn/native',
    may: (target, from) => isCommon(target, from, 'vpn/native'),
  },
  common: {
    sentence: 'common is what harness and vpn share: it imports neither, and the addon only in common/addon',
    may: (target, from) => isAddon(target) && from === 'common/addon',
  },
  scenarios: {
    sentence: `scenarios import only '${self}', as a user's file would`,
    may: (target) => target === self,
  },
}

/**
 * What harness and vpn share; the addon only for the one typed module of a side.
 * @param {string} target
 * @param {string} from
 * @param {string} typedModule
 */
function isCommon(target, from, typedModule) {
  if (target === 'common/addon') return from === typedModule || from === `${typedModule}.test`
  return target.startsWith('common/')
}

/** @param {string} target */
function isAddon(target) {
  return target.startsWith('build/') || target.startsWith('native/') || target.endsWith('.node')
}

/**
 * `harness/results/schema` for `../harness/results/schema.js` seen from `reports/html.ts`; the bare name for a package.
 * @param {string} specifier
 * @param {string} filename absolute
 */
function resolve(specifier, filename) {
  const isPath = specifier.startsWith('.') || specifier.startsWith('/') || specifier.startsWith('file:')
  if (!isPath) return specifier.startsWith(`${self}/`) ? self : specifier
  const absolute = specifier.startsWith('file:')
    ? fileURLToPath(specifier)
    : path.resolve(path.dirname(filename), specifier)
  return path.relative(root, absolute).replace(/\.[cm]?[jt]s$/, '')
}

/** @type {import('eslint').Rule.RuleModule} */
export default {
  meta: {
    type: 'problem',
    schema: [],
    docs: { description: 'keep imports inside the package pointing one way' },
    messages: { forbidden: "'{{target}}' may not be imported here: {{sentence}}." },
  },
  create(context) {
    const from = path.relative(root, context.filename).replace(/\.[cm]?[jt]s$/, '')
    const folder = from.split(path.sep)[0] ?? ''
    const law = layout[folder]
    if (!law) return {}
    const isTest = /\.test$|\/testing\//.test(from)

    /** @param {any} source the node that holds the specifier */
    function check(source) {
      if (typeof source?.value !== 'string') return
      const target = resolve(source.value, context.filename)
      const [top = ''] = target.split('/')
      const inside = target === self || folders.includes(top)
      if (folder !== 'scenarios') {
        if (!inside || top === folder) return
        // Tests may use what tests share, and a harness test may load what ships.
        if (isTest && (top === 'test' || (folder === 'harness' && top === 'scenarios'))) return
      }
      if (law.may(target, from)) return
      context.report({ node: source, messageId: 'forbidden', data: { target, sentence: law.sentence } })
    }

    return {
      ImportDeclaration: (node) => check(node.source),
      ExportNamedDeclaration: (node) => check(node.source),
      ExportAllDeclaration: (node) => check(node.source),
      ImportExpression: (node) => check(node.source),
      // import type of TypeScript: `import('../vpn/x.js').X`
      TSImportType: (/** @type {any} */ node) => check(node.source ?? node.argument?.literal),
      'CallExpression[callee.name="require"]': (/** @type {any} */ node) => check(node.arguments[0]),
      'CallExpression[callee.property.name="resolve"][callee.object.type="MetaProperty"]': (/** @type {any} */ node) =>
        check(node.arguments[0]),
    }
  },
}
