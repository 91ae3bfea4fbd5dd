import { readFileSync } from 'node:fs';
import { defineConfig, type ViteUserConfig } from 'vitest/config';

/** The engine places are named once, in the linter's configuration; everything else under src/core is the pure floor. */
const lint = JSON.parse(readFileSync(new URL('.oxlintrc.json', import.meta.url), 'utf8')) as {
  overrides: { files: string[]; excludeFiles?: string[] }[];
};
const pureFloor = lint.overrides.find((override) => override.excludeFiles !== undefined);
if (pureFloor?.excludeFiles === undefined) throw new Error('.oxlintrc.json does not name the engine places (excludeFiles)');

/** Where .ci/run wants a machine-readable count of each suite beside the usual output. */
const reports = process.env['RTPLAT_TEST_REPORTS'];

const config: ViteUserConfig = defineConfig({
  test: {
    reporters: reports === undefined ? ['default'] : ['default', ['json', { outputFile: `${reports}/${process.pid}.json` }]],
    coverage: {
      provider: 'v8',
      include: ['src/core/**/*.ts'],
      exclude: [...pureFloor.excludeFiles],
      reporter: ['text-summary', 'json-summary', 'html'],
      thresholds: { lines: 95 },
    },
    projects: [
      {
        extends: true,
        test: { name: 'unit', include: ['test/**/*.test.ts'], exclude: ['test/asterisk/**'], testTimeout: 30_000, hookTimeout: 60_000 },
      },
      {
        extends: true,
        test: {
          name: 'asterisk',
          include: ['test/asterisk/**/*.test.ts'],
          testTimeout: 300_000,
          hookTimeout: 120_000,
          // One Asterisk at a time: two cores are shared by Asterisk, SIPp, the service and the echo.
          fileParallelism: false,
        },
      },
    ],
  },
});

export default config;
