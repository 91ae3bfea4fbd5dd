import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { httpAccess } from '../../../src/core/service/http-access.ts';
import type { HttpAccessSettings } from '../../../src/core/service/http-access.ts';
import type { HttpAccess } from '../../../src/core/service/http-gate.ts';
import { hostName } from '../../../src/core/values/header-text.ts';

const folder = mkdtempSync(join(tmpdir(), 'rtplat-http-'));
const names = { tokenFile: '--http-token-file', open: '--http-open' };
const TOKEN = 'd41a0c7b9be24f86';

afterAll(() => rmSync(folder, { recursive: true }));

function access(settings: Partial<HttpAccessSettings>, env: NodeJS.ProcessEnv = {}): HttpAccess {
  return httpAccess({ host: '127.0.0.1', port: 9_090, tokenFile: undefined, open: false, hosts: [], names, ...settings }, env);
}

function file(text: string): string {
  const path = join(folder, 'token');
  writeFileSync(path, text);
  return path;
}

describe('an HTTP service', () => {
  it.each(['127.0.0.1', '127.8.8.8', '::1', '::ffff:127.0.0.1'])('on %s needs no token', (host) => {
    expect(access({ host })).toEqual({ token: undefined, hosts: [] });
  });

  it.each(['0.0.0.0', '::', '192.0.2.7', '10.0.0.1', '2001:db8::1', 'fe80::1'])(
    'on %s does not start without one, and says what to do',
    (host) => {
      expect(() => access({ host })).toThrow(
        expect.objectContaining({
          code: 'usage',
          message: expect.stringMatching(/^HTTP on \S+:9090 is reached from other hosts, and no token is asked for$/) as string,
          hint: expect.stringMatching(/--http-token-file.*openssl rand -hex 32.*127\.0\.0\.1.*--http-open/) as string,
        }),
      );
      expect(access({ host, open: true }).token).toBeUndefined();
      expect(access({ host, tokenFile: file(`${TOKEN}\nmore\n`) }).token).toBe(TOKEN);
      expect(access({ host }, { RTPLAT_HTTP_TOKEN: TOKEN }).token).toBe(TOKEN);
    },
  );

  it('has the token of the file rather than of the environment, on loopback too', () => {
    expect(access({ tokenFile: file(TOKEN) }, { RTPLAT_HTTP_TOKEN: 'x'.repeat(16) })).toEqual({ token: TOKEN, hosts: [] });
    expect(access({ tokenFile: file(TOKEN), open: true }).token).toBe(TOKEN);
  });

  it.each([
    ['short', TOKEN.slice(1)],
    ['of blanks', 'a b c d e f g h i j k'],
    ['of other letters', `${TOKEN}ä`],
    ['endless', 'x'.repeat(1_025)],
  ])('takes no token that is %s, and does not show it', (_what, token) => {
    const thrown = (settings: Partial<HttpAccessSettings>, env: NodeJS.ProcessEnv): unknown => {
      try {
        return access(settings, env);
      } catch (error) {
        return error;
      }
    };
    for (const error of [thrown({ tokenFile: file(token) }, {}), thrown({}, { RTPLAT_HTTP_TOKEN: token })]) {
      expect(error).toMatchObject({ code: 'usage', hint: 'make one with: openssl rand -hex 32' });
      expect(String(error)).not.toContain(token);
    }
  });

  it('says which file of a token cannot be read, or is empty', () => {
    expect(() => access({ tokenFile: join(folder, 'none') })).toThrow('cannot read --http-token-file');
    expect(() => access({ tokenFile: file('\n') })).toThrow('is empty');
  });
});

describe('the name of a host', () => {
  it.each([
    ['rtplat.example.org', 'rtplat.example.org'],
    ['RTPLAT', 'rtplat'],
    ['ari-serve.', 'ari-serve'],
    ['a_b.svc', 'a_b.svc'],
  ])('%s is %s', (text, name) => expect(hostName(text)).toBe(name));

  it.each(['', '.', '192.0.2.7', '::1', '[::1]', 'a:80', 'http://a', 'a/b', 'a b', 'ä.example', '*', '*.example.org', 'x'.repeat(254)])(
    '%j is none',
    (text) => expect(hostName(text)).toBeUndefined(),
  );
});
