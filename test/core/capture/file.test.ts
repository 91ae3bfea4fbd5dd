import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { isCapture, readCapture } from '../../../src/core/capture/file.ts';
import type { CaptureDocument } from '../../../src/core/capture/document.ts';
import { pcap, pcapng } from '../../kit/pcap.ts';
import { scene, together } from '../../kit/pcap-scenes.ts';

let directory = '';
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'rtplat-capture-'));
});
afterEach(() => rmSync(directory, { recursive: true }));

function put(name: string, bytes: Uint8Array): string {
  const path = join(directory, name);
  writeFileSync(path, bytes);
  return path;
}

function read(name: string, bytes: Uint8Array): Promise<CaptureDocument> {
  return readCapture(put(name, bytes), name, '1.2.3');
}

/** More than one buffer. */
const long = together(...[1, 2, 3, 4, 5, 6, 7, 8].map((ssrc) => scene({ ssrc, packets: 1_000, seed: ssrc, loss: 0.1, echoNs: 3_000_000 })));

it('reads files of any length, compressed or not, and says which', async () => {
  for (const file of [pcap(long, { nanoseconds: true }), pcapng(long, { timeUnit: 9 })]) {
    expect(file.length).toBeGreaterThan(2 ** 21);
    const plain = await read('a.pcap', file);
    expect(plain).toMatchObject({
      tool: { name: 'rtplat', version: '1.2.3' },
      file: { name: 'a.pcap', bytes: file.length, compressed: false },
      started_at: '2026-11-18T11:06:40.123Z',
      warnings: [],
    });
    expect(plain.streams).toHaveLength(16);
    const compressed = await read('a.pcap', gzipSync(file, { level: 1 }));
    expect(compressed).toEqual({ ...plain, file: { ...plain.file, compressed: true } });
  }
});

it('says what is wrong with a compressed file', async () => {
  const file = gzipSync(pcap(long), { level: 1 });
  await expect(read('cut.pcap.gz', file.subarray(0, -50_000))).rejects.toMatchObject({
    code: 'format',
    message: expect.stringMatching(
      /^cut\.pcap\.gz cannot be uncompressed: unexpected end of file, after byte \d+ of its capture$/,
    ) as string,
  });
  await expect(read('text.gz', gzipSync('some text'))).rejects.toThrow('text.gz is not a capture: its first four bytes are 736f6d65');
});

it('knows a capture by its name or its bytes, and passes no other file', async () => {
  const cases: readonly (readonly [string, Uint8Array, boolean])[] = [
    ['empty.pcap', new Uint8Array(0), true],
    ['dump', pcapng([]), true],
    ['dump.json', pcap([]), true],
    ['a.pcap.gz', new Uint8Array(0), true],
    ['run.json', Buffer.from('{"schema":1}'), false],
  ];
  for (const [name, bytes, is] of cases) expect(await isCapture(put(name, bytes), name)).toBe(is);
});

it('fails with one line on what cannot be read', async () => {
  await expect(isCapture(directory, 'folder')).rejects.toMatchObject({ code: 'file', message: 'cannot read folder: it is a directory' });
  await expect(read('empty.pcap', new Uint8Array(0))).rejects.toMatchObject({ code: 'format' });
});
