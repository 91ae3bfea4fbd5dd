import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createHmac } from 'node:crypto';
import { tmpdir } from 'node:os';
import path from 'node:path';
import fc from 'fast-check';
import { afterAll, expect, it } from 'vitest';
import { readTokenKey, TOKEN_BYTES, TokenKey } from '../../../src/core/echo/token.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'rtplat-token-'));
afterAll(() => rmSync(folder, { recursive: true }));

const SECRET = '0123456789abcdef0123456789abcdef';
const key = new TokenKey(SECRET);

function signed(bytes: Uint8Array): Uint8Array {
  const packet = new Uint8Array(bytes.length + TOKEN_BYTES);
  packet.set(bytes);
  key.sign(packet);
  return packet;
}

it('is the beginning of an HMAC with SHA-256', () => {
  const bytes = new TextEncoder().encode('twelve bytes');
  const expected = createHmac('sha256', SECRET)
    .update('twelve bytes')
    .digest('hex')
    .slice(0, 2 * TOKEN_BYTES);
  expect(Buffer.from(signed(bytes)).toString('hex')).toBe(Buffer.from(bytes).toString('hex') + expected);
});

it('holds for the packet as it is, wherever it lies, and for nothing else', () => {
  const altered = fc.record({
    bytes: fc.uint8Array({ minLength: 1, maxLength: 200 }),
    at: fc.nat(),
    flip: fc.integer({ min: 1, max: 255 }),
    before: fc.nat(9),
  });
  fc.assert(
    fc.property(altered, ({ bytes, at, flip, before }) => {
      const packet = signed(bytes);
      const memory = new Uint8Array(before + packet.length + 5).fill(0xaa);
      memory.set(packet, before);
      expect(key.isOn(memory, before, packet.length)).toBe(true);
      expect(new TokenKey(`${SECRET}0`).isOn(memory, before, packet.length)).toBe(false);
      expect(key.isOn(memory, before, packet.length - 1)).toBe(false);
      expect(key.isOn(memory, before, packet.length + 1)).toBe(false);
      const place = before + (at % packet.length);
      memory[place] = (memory[place] ?? 0) ^ flip;
      expect(key.isOn(memory, before, packet.length)).toBe(false);
    }),
  );
});

it('is on nothing that is too short for it', () => {
  for (let length = 0; length < TOKEN_BYTES; length++) expect(key.isOn(new Uint8Array(64), 8, length)).toBe(false);
});

it('reads its key from the first line of a file, and refuses a short one', () => {
  const file = path.join(folder, 'key');
  writeFileSync(file, `${SECRET}\nanother line\n`);
  expect(readTokenKey(file, {})).toBe(SECRET);
  writeFileSync(file, 'secret\n');
  expect(() => readTokenKey(file, {})).toThrow(`--token-file ${file}: the key has 6 characters, fewer than 32`);
  expect(() => readTokenKey(path.join(folder, 'none'), {})).toThrow('cannot read --token-file');
});
