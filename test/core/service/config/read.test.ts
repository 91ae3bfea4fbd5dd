import { describe, expect, it, test } from 'vitest';
import { mergeConfig, readConfig } from '../../../../src/core/service/config/read.ts';
import type { ConfigReading } from '../../../../src/core/service/config/read.ts';
import { describeProblem } from '../../../../src/core/service/config/problem.ts';
import { SAMPLE } from './sample.ts';
import type { Sample } from './sample.ts';

const read = (text: string): ConfigReading<Sample> => readConfig(text, 'sample.toml', SAMPLE);
const problemsOf = (text: string): readonly string[] => read(text).problems.map(describeProblem);

const DEFAULTS: Sample = {
  name: 'nobody',
  server: { port: 80, hosts: ['127.0.0.1'], mode: 'slow', verbose: false, tls: { port: 443 } },
  limits: { low: 10, high: 20, ratio: 1 },
  rule: [],
};

describe('a configuration', () => {
  it('of an empty file is the defaults', () => {
    expect(read('')).toMatchObject({ problems: [], warnings: [] });
    expect(read('').config).toEqual(DEFAULTS);
  });

  it('has what the file sets, in whatever form of TOML', () => {
    const text = 'name = "one"\nserver.port = 81\nlimits = { low = 1, high = 2 }\n[server.tls]\ncert = "c"\n[[rule]]\nmatch = "6"\n';
    expect(read(text).config).toEqual({
      ...DEFAULTS,
      name: 'one',
      server: { ...DEFAULTS.server, port: 81, tls: { port: 443, cert: 'c' } },
      limits: { low: 1, high: 2, ratio: 1 },
      rule: [{ match: '6', weight: 1 }],
    });
  });
});

describe('problems', () => {
  it('are all told, in the order of the file, each with its line', () => {
    expect(
      problemsOf(`name = 5
[server]
prot = 80
port = 65536
hosts = ["127.0.0.1",
  "localhost"]
verbose = "true"
low = 1
[serve]
port = 1
[limits]
low = 30
high = 20
[[rule]]
weight = 1
[[rule]]
match = "heavy"
`),
    ).toEqual([
      'sample.toml:1: name must be text, not 5 (write it in quotes)',
      'sample.toml:3: unknown key "prot" in [server] (did you mean "port"?)',
      'sample.toml:4: server.port must be a whole number from 0 to 65535, not 65536 (such as port = 80)',
      'sample.toml:6: server.hosts must be a numeric IPv4 or IPv6 address, not "localhost" (names are not looked up here)',
      'sample.toml:7: server.verbose must be true or false, not "true" (write it without quotes)',
      'sample.toml:8: unknown key "low" in [server] (it belongs into [limits])',
      'sample.toml:9: unknown table [serve] (did you mean "server"?)',
      'sample.toml:12: 30 is above 20 (swap them)',
      'sample.toml:14: [[rule]] has no "match" (such as match = "6??")',
      'sample.toml:17: heavy is at least 5 (raise it)',
    ]);
  });

  it('leave no configuration', () => {
    expect(read('nmae = "x"').config).toBeUndefined();
  });

  it.each([
    ['[[server]]', 'sample.toml:1: server is a table, not a list of 1 (write [server] and its keys below)'],
    ['server = 5', 'sample.toml:1: server is a table, not 5 (write [server] and its keys below)'],
    ['[rule]\nmatch = "6"', 'sample.toml:1: [rule] is a list of tables (write [[rule]], once for each)'],
    ['rule = [{ match = "6" }, 5]', 'sample.toml:1: rule is a table, not 5 (write [[rule]] and its keys below)'],
    ['[name]', 'sample.toml:1: name must be text, not a table (such as name = "nobody")'],
    ['name = 1979-05-27', 'sample.toml:1: name must be text, not a date (such as name = "nobody")'],
    ['port = 1', 'sample.toml:1: unknown key "port" at the top level (it belongs into [server])'],
    ['[tls]', 'sample.toml:1: unknown table [tls] (it belongs into [server])'],
    ['[limits]\nxyz = 1', 'sample.toml:2: unknown key "xyz" in [limits] (it has low, high, ratio)'],
    ['[limits]\n__proto__ = 1', 'sample.toml:2: unknown key "__proto__" in [limits] (it has low, high, ratio)'],
    ['[limits]\nconstructor = 1', 'sample.toml:2: unknown key "constructor" in [limits] (it has low, high, ratio)'],
    ['name = "a\\u001b[2J"', String.raw`sample.toml:1: name must be text, not "a\u001b[2J" (without line breaks and control characters)`],
    ['"\\u001b" = 1', String.raw`sample.toml:1: unknown key "\x1b" at the top level (it has name, server, limits, rule)`],
  ])('%j', (text, problem) => {
    expect(problemsOf(text)).toEqual([problem]);
  });

  it('of a secret do not show it', () => {
    expect(problemsOf('server.token = 12345')).toEqual(['sample.toml:1: server.token must be text (write it in quotes)']);
  });

  it('of keys that are wrong by themselves, or missing, are told once', () => {
    expect(problemsOf('[limits]\nlow = 30\nhigh = "x"')).toEqual([
      'sample.toml:3: limits.high must be a whole number from 0 to 100, not "x" (such as high = 20)',
    ]);
    expect(problemsOf('[[rule]]\nmatch = "heavy"\nweight = 10')).toHaveLength(1);
    expect(problemsOf('[[rule]]')).toHaveLength(1);
  });

  it('of the notation do not hide the others, and nothing is made of what could not be read', () => {
    expect(problemsOf('[limits]\nlow = 3O\nhigh = 5\n[server]\nport = 99999\n[[rule]]\nmatch = heavy\n[[rule]]\nmatch = "heavy"')).toEqual([
      'sample.toml:2: illegal character in numeric literal (text stands in quotes)',
      'sample.toml:5: server.port must be a whole number from 0 to 65535, not 99999 (such as port = 80)',
      'sample.toml:7: invalid value (text stands in quotes)',
      'sample.toml:9: heavy is at least 5 (raise it)',
    ]);
    expect(problemsOf('[server]\nprot = 1\n[limits]\nlow = 30\n[[rule]]\nweight = 1\n[limits')).toEqual([
      'sample.toml:2: unknown key "prot" in [server] (did you mean "port"?)',
      'sample.toml:7: incomplete key-value: cannot find end of key (a table is written [NAME])',
    ]);
  });
});

test('a warning leaves the configuration as it is', () => {
  const { config, warnings } = read('[[rule]]\nmatch = "6"\n\n[[rule]]\nmatch = "odd"');
  expect(warnings.map(describeProblem)).toEqual(['sample.toml:5: odd is odd']);
  expect(config?.rule).toHaveLength(2);
});

describe('what stands above the file', () => {
  const file = read('name = "file"\n[server]\nport = 1\nmode = "off"\n[limits]\nhigh = 15\n[[rule]]\nmatch = "6"');

  it('is stronger, the later the more so', () => {
    const merged = mergeConfig(file, [
      { origin: 'RTPLAT_PORT', values: { server: { port: 2 } } },
      { origin: 'RTPLAT_MODE', values: { server: { mode: 'quick' } } },
      { origin: '--port', values: { server: { port: 3, verbose: undefined } } },
    ]);
    expect(merged.problems).toEqual([]);
    expect(merged.config).toEqual({
      ...DEFAULTS,
      name: 'file',
      server: { ...DEFAULTS.server, port: 3, mode: 'quick' },
      limits: { ...DEFAULTS.limits, high: 15 },
      rule: [{ match: '6', weight: 1 }],
    });
  });

  it('replaces a list of tables as a whole', () => {
    const merged = mergeConfig(file, [{ origin: '--rule', values: { rule: [{ match: '7', weight: 2 }] } }]);
    expect(merged.config?.rule).toEqual([{ match: '7', weight: 2 }]);
  });

  it('is checked too, and a conflict is told where it was made', () => {
    const merged = mergeConfig(file, [
      { origin: 'RTPLAT_LOW', values: { limits: { low: 18 } } },
      { origin: '--port', values: { server: { port: -1 } } },
      { origin: '--rule', values: { rule: [{ match: 'heavy', weight: 1 }] } },
    ]);
    expect(merged.config).toBeUndefined();
    expect(merged.problems.map(describeProblem).toSorted()).toEqual([
      '--port: server.port must be a whole number from 0 to 65535, not -1 (such as port = 80)',
      '--rule: heavy is at least 5 (raise it)',
      'RTPLAT_LOW: 18 is above 15 (swap them)',
    ]);
  });

  it('is blamed for a key that the file sets too', () => {
    const merged = mergeConfig(read('[limits]\nlow = 12'), [{ origin: '--low', values: { limits: { low: 30 } } }]);
    expect(merged.problems.map(describeProblem)).toEqual(['--low: 30 is above 20 (swap them)']);
  });

  it('settles a conflict of the file, and leaves the file alone', () => {
    const conflict = read('[limits]\nlow = 30');
    expect(conflict.problems.map(describeProblem)).toEqual(['sample.toml:2: 30 is above 20 (swap them)']);
    expect(mergeConfig(conflict, [{ origin: '--high', values: { limits: { high: 40 } } }]).problems).toEqual([]);
    expect(conflict.problems).toHaveLength(1);
  });

  it('does not hide what is wrong in the file', () => {
    const wrong = read('[server]\nport = "x"');
    expect(mergeConfig(wrong, [{ origin: '--port', values: { server: { port: 3 } } }]).problems).toHaveLength(1);
  });
});
