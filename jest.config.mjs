// Native ESM: run with NODE_OPTIONS=--experimental-vm-modules (npm's scripts do).
const shared = {
  extensionsToTreatAsEsm: ['.ts'],
  transform: { '^.+\\.ts$': ['@swc/jest', { jsc: { target: 'es2022', parser: { syntax: 'typescript' } } }] },
  modulePathIgnorePatterns: ['<rootDir>/dist/', '<rootDir>/dist-bundle/'],
};

/**
 * Whose every run takes seconds of a processor, or waits by real clocks: real agents, thousands of requests, attacks by the
 * hundred. Apart from the unit tests so that those take less than a minute; `npm test` runs both.
 */
const LONG = `/test/(${[
  'converters/damaged',
  'hostile/[^/]+',
  'repos/git',
  'server/(broken-apps|hostile|smuggling)',
  'server/endpoint/(crowd|doors|hung|matrix|path-mode|story)',
  'sessions/(agent|agent-[^/]+|audit|epilogue|remote|work-[^/]+)',
  'transports/(shells|ssh2-login)',
].join('|')})\\.test\\.ts$`;

const quick = { ...shared, globalSetup: '<rootDir>/test/unit-setup.mjs' };

export default {
  projects: [
    {
      ...quick,
      displayName: 'unit',
      testMatch: ['<rootDir>/test/**/*.test.ts'],
      testPathIgnorePatterns: ['/node_modules/', '<rootDir>/test/(e2e|faults|hostile/cluster)/', LONG],
    },
    { ...quick, displayName: 'long', testRegex: [LONG] },
    { ...shared, displayName: 'e2e', testMatch: ['<rootDir>/test/e2e/**/*.test.ts'] },
    { ...shared, displayName: 'faults', testMatch: ['<rootDir>/test/{faults,hostile/cluster}/**/*.test.ts'] },
  ],
};
