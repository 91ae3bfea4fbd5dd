import { describe, expect, it } from 'vitest';
import { changed } from '../../../../src/core/service/config/changes.ts';
import { readConfig } from '../../../../src/core/service/config/read.ts';
import { SAMPLE } from './sample.ts';
import type { Sample } from './sample.ts';

function configOf(text: string): Sample {
  const { config, problems } = readConfig(text, 'sample.toml', SAMPLE);
  if (config === undefined) throw new Error(JSON.stringify(problems));
  return config;
}

describe('a reload', () => {
  it('of the same configuration changes nothing', () => {
    const text = 'name = "a"\n[server]\nhosts = ["::1"]\n[[rule]]\nmatch = "6"\nlevels = [1]';
    expect(changed(SAMPLE, configOf(text), configOf(`# comment\n${text}`))).toEqual({ changes: [], effective: configOf(text) });
  });

  it('tells each key that changed, from what to what, and whether it takes a restart', () => {
    const before = configOf('[server]\ntls.cert = "a"\n[limits]\nlow = 1');
    const after = configOf('[server]\nport = 81\nmode = "off"\ntoken = "hunter2"\n[limits]\nlow = 2\n[[rule]]\nmatch = "6"');
    const { changes, effective } = changed(SAMPLE, before, after);
    expect(changes).toEqual([
      { name: 'server.port', reloadable: false, before: '80', after: '81' },
      { name: 'server.mode', reloadable: true, before: '"slow"', after: '"off"' },
      { name: 'server.token', reloadable: true, before: 'not set', after: '(set)' },
      { name: 'server.tls.cert', reloadable: false, before: '"a"', after: 'not set' },
      { name: 'limits.low', reloadable: true, before: '1', after: '2' },
      { name: 'rule', reloadable: true, before: '0 tables', after: '1 tables' },
    ]);
    expect(effective).toEqual({
      ...after,
      server: { ...after.server, port: 80, tls: { port: 443, cert: 'a' } },
    });
  });

  it('takes an optional key away', () => {
    const { effective } = changed(SAMPLE, configOf('server.token = "a"'), configOf(''));
    expect('token' in effective.server).toBe(false);
  });

  it.each([
    ['[[rule]]\nmatch = "6"', '[[rule]]\nmatch = "7"'],
    ['[[rule]]\nmatch = "6"', '[[rule]]\nmatch = "6"\nlevels = []'],
    ['[[rule]]\nmatch = "6"\n[[rule]]\nmatch = "7"', '[[rule]]\nmatch = "7"\n[[rule]]\nmatch = "6"'],
  ])('sees a change inside of a list: %j, %j', (before, after) => {
    expect(changed(SAMPLE, configOf(before), configOf(after)).changes.map(({ name }) => name)).toEqual(['rule']);
  });
});
