import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { readSecret } from '../../../src/core/service/secret.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'rtplat-secret-'));
const file = path.join(folder, 'ari-pass');
writeFileSync(file, 'three words here \r\nsecond line\n');

afterAll(() => rmSync(folder, { recursive: true }));

describe('a secret', () => {
  it('is the first line of a file, without what ends it', () => {
    expect(readSecret(file, '--ari-pass-file', {})).toBe('three words here');
  });

  it('is a credential of systemd, which has no folders', () => {
    const env = { CREDENTIALS_DIRECTORY: folder };
    expect(readSecret('credential:ari-pass', '--ari-pass-file', env)).toBe('three words here');
    expect(readSecret('credential:../../etc/ari-pass', '--ari-pass-file', env)).toBe('three words here');
  });

  it.each([
    ['none', {}, 'cannot read --x'],
    ['credential:ari-pass', {}, 'systemd handed over no credentials'],
    ['/dev/null', {}, '--x /dev/null is empty'],
  ])('%s that is not there is one clear line', (name, env, message) => {
    expect(() => readSecret(name, '--x', env)).toThrow(
      expect.objectContaining({ code: 'usage', message: expect.stringContaining(message) as string }),
    );
  });
});
