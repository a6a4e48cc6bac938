import stylistic from '@stylistic/eslint-plugin'
import tseslint from 'typescript-eslint'

const services = ['auth-gateway', 'otp-service', 'signer-service', 'email-worker']
const floor3 = ['http', 'redis', 'mongo', 'kms', 'wallets']
const outside = ['local-stack', 'testing', 'kms-emulator']
const scoped = (names) => names.map((name) => `@countersign/${name}`)

/** The import law of ARCHITECTURE.md: what `files` may not import (globs, or one regular expression); the message names the right door. */
const law = (files, rules, ignores = []) => ({
  files,
  ignores,
  rules: { 'no-restricted-imports': ['error', { patterns: rules.map(([what, message]) => typeof what === 'string' ? { regex: what, message } : { group: what, message }) }] }
})

const noServices = [[...scoped(services), '**/services/**'], 'A service is a process: meet it in @countersign/contracts, over a command or a job.']
const noOutside = [scoped(outside), 'Local stack, emulator and testing are for tests and the developer\'s machine only.']
const noPackages = ['@countersign/*']
const drivers = ['fastify', 'fastify/*', '@fastify/*', 'bullmq', 'ioredis', 'mongodb', 'node:http', 'node:https', 'node:net']

export default tseslint.config(
  { ignores: ['**/dist/**', '**/node_modules/**', '.local/**', 'coverage/**', '.tap/**', '.turbo/**'] },
  ...tseslint.configs.recommended,
  {
    files: ['**/*.ts'],
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    rules: {
      // tap waits for its subtests itself.
      '@typescript-eslint/no-floating-promises': ['error', { allowForKnownSafePromises: [{ from: 'package', name: 'PromiseWithSubtest', package: '@tapjs/core' }] }],
      '@typescript-eslint/no-misused-promises': ['error', { checksVoidReturn: false }],
      '@typescript-eslint/await-thenable': 'error',
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', ignoreRestSiblings: true }]
    }
  },
  {
    plugins: { '@stylistic': stylistic },
    rules: {
      '@stylistic/semi': ['error', 'never'],
      '@stylistic/quotes': ['error', 'single', { avoidEscape: true }],
      '@stylistic/indent': ['error', 2, { SwitchCase: 1, ignoredNodes: ['TSTypeParameterInstantiation', 'ConditionalExpression'] }],
      '@stylistic/space-before-function-paren': ['error', 'always'],
      '@stylistic/comma-dangle': ['error', 'never'],
      '@stylistic/eol-last': 'error',
      '@stylistic/no-trailing-spaces': 'error',
      '@stylistic/no-multiple-empty-lines': ['error', { max: 1, maxEOF: 0 }],
      eqeqeq: ['error', 'always'],
      'no-restricted-syntax': ['error', { selector: 'ExportDefaultDeclaration', message: 'Named exports only: one name, the same everywhere.' }]
    }
  },
  { files: ['eslint.config.js'], rules: { 'no-restricted-syntax': 'off' } },
  {
    files: ['packages/*/src/**/*.ts', 'services/*/src/**/*.ts'],
    ignores: ['**/main.ts', '**/cli.ts', 'packages/local-stack/**', 'packages/testing/**'],
    rules: {
      'no-restricted-properties': ['error',
        { object: 'process', property: 'env', message: 'main.ts and cli.ts read the environment, once, through config.ts.' },
        { object: 'process', property: 'exit', message: 'main.ts and cli.ts end the process; elsewhere throw.' }
      ],
      'no-console': 'error'
    }
  },

  // Floor 1: words.
  law(['packages/contracts/src/**'], [
    [[...noPackages, ...drivers, 'node:*'], 'contracts are the ground floor: the schema library only.']
  ]),
  // Floor 2.
  law(['packages/runtime/src/**', 'packages/secrets/src/**'], [
    [[...scoped([...floor3, ...outside, ...services])], 'Floor 2 stands on contracts only.']
  ]),
  // Floor 3: one package per outside world, strangers to each other.
  ...floor3.map((name) => law([`packages/${name}/src/**`], [
    [scoped(floor3.filter((other) => other !== name)), 'Packages of floor 3 do not know each other: a service\'s compose.ts joins them.'],
    noOutside, noServices
  ])),
  // Floor 4.
  law(outside.map((name) => `packages/${name}/src/**`), [noServices]),
  // Beside the floors.
  law(['packages/wallet-proofs/src/**'], [
    [[...noPackages, ...drivers], 'wallet-proofs is published on its own: no workspace package, no I/O.'],
    ['^(elliptic|secp256k1$|secp256k1/(index|elliptic))', 'elliptic leaks keys: import secp256k1/bindings.js itself.']
  ]),
  // Floor 5: services.
  law(['services/*/src/**'], [noServices, noOutside]),
  law(['services/*/src/{main,cli}.ts'], [
    [[...drivers, ...scoped(floor3)], 'main.ts and cli.ts know config, compose and runtime only.'],
    noServices, noOutside
  ]),
  law(['services/*/src/{routes,commands,workers}/**'], [
    [['mongodb', 'ioredis', '**/*-repository.ts'], 'A handler translates and calls a use case; repositories are joined in compose.ts.'],
    noServices, noOutside
  ])
)
