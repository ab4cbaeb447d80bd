/** Unit tests (`*.spec.ts`), which need no database, and end-to-end tests (`*.e2e-spec.ts`) against a real PostgreSQL. */
const { readFileSync } = require('node:fs');

/** As `npm run build` compiles, but for `import()`: jest's modules know only `require`. */
const { jsc } = JSON.parse(readFileSync(`${__dirname}/.swcrc`, 'utf8'));
const typescript = ['@swc/jest', { jsc, module: { type: 'commonjs', importInterop: 'swc' } }];

const common = {
  rootDir: __dirname,
  testEnvironment: '<rootDir>/test/support/jest/environment.js',
  runtime: '<rootDir>/test/support/jest/runtime.js',
  transform: { '^.+\\.ts$': typescript },
  modulePathIgnorePatterns: ['<rootDir>/dist/'],
};

module.exports = {
  maxWorkers: 2,
  testSequencer: '<rootDir>/test/support/jest/sequencer.js',
  testTimeout: 60_000,
  projects: [
    { ...common, displayName: 'unit', testMatch: ['<rootDir>/{src,test}/**/*.spec.ts'] },
    {
      ...common,
      displayName: 'e2e',
      testMatch: ['<rootDir>/test/**/*.e2e-spec.ts'],
      globalSetup: '<rootDir>/test/support/jest/global-setup.ts',
      globalTeardown: '<rootDir>/test/support/jest/global-teardown.ts',
      setupFilesAfterEnv: ['<rootDir>/test/support/jest/timeout.ts'],
    },
  ],
};
