import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { readHeaders } from '../../../../src/core/service/otlp/settings.ts';
import { parseOtlpUrl } from '../../../../src/core/service/otlp/url.ts';

const dir = mkdtempSync(join(tmpdir(), 'rtplat-otlp-'));
afterAll(() => rmSync(dir, { recursive: true }));

describe('parseOtlpUrl', () => {
  it.each([
    ['http://collector:4318', 'http://collector:4318/v1/metrics'],
    ['https://[::1]:4318/', 'https://[::1]:4318/v1/metrics'],
    ['http://vm:8428/opentelemetry', 'http://vm:8428/opentelemetry/v1/metrics'],
    ['http://collector:4318/v1/metrics', 'http://collector:4318/v1/metrics'],
    ['https://host/otlp//?tenant=1', 'https://host/otlp/v1/metrics?tenant=1'],
  ])('%s', (text, url) => {
    expect(parseOtlpUrl(text)?.href).toBe(url);
  });

  it.each(['', 'collector:4318', 'grpc://collector:4317', 'http://', 'http://me:secret@collector', 'http://collector/#x'])(
    'not %j',
    (text) => {
      expect(parseOtlpUrl(text)).toBeUndefined();
    },
  );
});

describe('readHeaders', () => {
  function headersOf(text: string, name = 'headers'): Readonly<Record<string, string>> {
    writeFileSync(join(dir, name), text);
    return readHeaders(join(dir, name), {});
  }

  it('takes a header a line', () => {
    expect(headersOf('# for the collector\n\nAuthorization: Bearer a:b=c\r\n  X-Scope-OrgID :7\n')).toEqual({
      Authorization: 'Bearer a:b=c',
      'X-Scope-OrgID': '7',
    });
    expect(headersOf('')).toEqual({});
  });

  it('may be a credential of systemd', () => {
    headersOf('A: 1', 'otlp');
    expect(readHeaders('credential:otlp', { CREDENTIALS_DIRECTORY: dir })).toEqual({ A: '1' });
  });

  it.each(['Bearer SECRET', 'A: 1\nSE CRET: 1', ': SECRET', 'A: SECRET\u0007'])(
    'says which line of %j is none, and not what it is',
    (text) => {
      const line = text.split('\n').length;
      let said = '';
      try {
        headersOf(text);
      } catch (error) {
        said = String(error);
      }
      expect(said).toContain(`line ${line} of the OTLP headers file`);
      expect(said).not.toContain('CRET');
    },
  );

  it('says when it cannot be read', () => {
    expect(() => readHeaders(join(dir, 'none'), {})).toThrow(/cannot read the OTLP headers file .*ENOENT/);
  });
});
