/** Unit tests (`*.spec.ts`), which need no database, and end-to-end tests (`*.e2e-spec.ts`) against a real PostgreSQL. */
const { readFileSync } = require('node:fs');

/** As `npm run build` compiles, but for `import()`: jest's modules know only `require`. */
const { jsc } = JSON.parse(readFileSync(`${__dirname}/.swcrc`, 'utf8'));
const typescript = ['@swc/jest', { jsc, module: { type: 'commonjs', importInterop: 'swc' } }];

// Nest 12 and some of its companions are ESM, which jest cannot require() before Node 24.9.
const common = {
  testEnvironment: 'node',
  rootDir: __dirname,
  transformIgnorePatterns: [],
  transform: { '^.+\\.ts$': typescript, '^.+\\.(mjs|js)$': '<rootDir>/test/support/esm-transformer.js' },
  modulePathIgnorePatterns: ['<rootDir>/dist/'],
};

module.exports = {
  maxWorkers: 2,
  testTimeout: 60_000,
  projects: [
    { ...common, displayName: 'unit', testMatch: ['<rootDir>/{src,test}/**/*.spec.ts'] },
    {
      ...common,
      displayName: 'e2e',
      testMatch: ['<rootDir>/test/**/*.e2e-spec.ts'],
      globalSetup: '<rootDir>/test/support/global-setup.ts',
      globalTeardown: '<rootDir>/test/support/global-teardown.ts',
      setupFilesAfterEnv: ['<rootDir>/test/support/timeout.ts'],
    },
  ],
};
