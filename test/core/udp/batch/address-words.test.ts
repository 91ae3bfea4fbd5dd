// An arrival gives its address as numbers, the same as in its text.
import { afterEach, expect, it } from 'vitest';
import { createBatchEngine } from '../../../../src/core/udp/batch/engine.ts';
import type { UdpSocket } from '../../../../src/core/udp/engine.ts';
import { ADDRESS_WORDS, parseAddressWords } from '../../../../src/core/values/networks.ts';

const open: UdpSocket[] = [];
afterEach(async () => {
  await Promise.all(open.splice(0).map((socket) => socket.close()));
});

it.each([
  ['0.0.0.0', '127.0.0.1', '127.0.0.1'],
  ['0.0.0.0', '127.1.2.3', '127.0.0.1'],
  ['::', '127.200.0.77', '::ffff:127.0.0.1'],
  ['::', '::1', '::1'],
])('on %s from %s', async (bound, from, to) => {
  const engine = createBatchEngine();
  const receiving = await engine.bind({ address: bound, port: 0 });
  const sending = await engine.bind({ address: from, port: 0 });
  open.push(receiving, sending);
  const { promise, resolve } = Promise.withResolvers<{ readonly words: Int32Array; readonly text: string }>();
  receiving.receive({
    packet: (_buffer, _offset, _length, arrival) => {
      const words = new Int32Array(ADDRESS_WORDS);
      arrival.addressInto?.(words);
      resolve({ words, text: arrival.from.address });
    },
    error: () => undefined,
  });
  sending.send(new Uint8Array(1), 0, 1, { address: to, port: receiving.local.port });
  const { words, text } = await promise;
  const [expected, sender] = [new Int32Array(ADDRESS_WORDS), new Int32Array(ADDRESS_WORDS)];
  parseAddressWords(text, expected);
  parseAddressWords(from, sender);
  expect(words).toEqual(expected);
  expect(words).toEqual(sender);
});
