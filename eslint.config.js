import js from '@eslint/js'
import tseslint from 'typescript-eslint'
import importDirection from './ci/eslint/import-direction.mjs'

/** One file loads the addon, and one typed module on each side asks it; everybody else asks that module. */
const addonOnlyThroughItsModule = {
  selector: 'Literal[value=/mqvpn_native/]',
  message: 'Only common/addon.ts loads the addon; import what you need from harness/native.ts or vpn/native.ts.',
}

export default tseslint.config(
  { ignores: ['dist/', 'build/', 'results/', 'node_modules/', 'tmp/'] },
  { linterOptions: { reportUnusedDisableDirectives: 'error' } },
  js.configs.recommended,
  tseslint.configs.strictTypeChecked,
  {
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    plugins: { layout: { rules: { 'import-direction': importDirection } } },
    rules: {
      'layout/import-direction': 'error',
      eqeqeq: ['error', 'always', { null: 'ignore' }],
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true, allowBoolean: true }],
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_' }],
      '@typescript-eslint/no-confusing-void-expression': [
        'error',
        { ignoreArrowShorthand: true, ignoreVoidReturningFunctions: true },
      ],
      // noUncheckedIndexedAccess asks for it where an index is known to be good.
      '@typescript-eslint/no-non-null-assertion': 'off',
      // The types of Node and of file formats promise more than a program that did not start can keep.
      '@typescript-eslint/no-unnecessary-condition': 'off',
      '@typescript-eslint/no-unnecessary-type-conversion': 'off',
      // What implements an asynchronous interface is async even where it has nothing to wait for.
      '@typescript-eslint/require-await': 'off',
      // Terminal reports strip control characters.
      'no-control-regex': 'off',
    },
  },
  {
    files: ['{harness,vpn,common,reports,scenarios}/**/*.ts'],
    ignores: ['common/addon.ts', 'common/addon.test.ts'],
    rules: { 'no-restricted-syntax': ['error', addonOnlyThroughItsModule] },
  },
  {
    files: ['**/*.test.ts'],
    rules: {
      // chai: expect(x).to.be.true
      '@typescript-eslint/no-unused-expressions': 'off',
    },
  },
  {
    files: ['**/*.js', '**/*.mjs'],
    extends: [tseslint.configs.disableTypeChecked],
    languageOptions: {
      globals: { process: 'readonly', console: 'readonly', URL: 'readonly', require: 'readonly', module: 'writable' },
    },
    rules: { '@typescript-eslint/no-require-imports': 'off' },
  },
)
