import { formatHostPort, isLoopback, isPrivate, parseHostPort, unmapAddress } from '../../../src/core/values/address.ts';
import { formatDurationNs, parseDurationNs } from '../../../src/core/values/duration.ts';
import { ADDRESS_WORDS, formatAddressWords, isIn, parseAddressWords, parseNetwork } from '../../../src/core/values/networks.ts';
import { formatPortRange, parsePortRange } from '../../../src/core/values/ports.ts';
import { parseByteSize } from '../../../src/core/values/size.ts';
import { bytesOf, must, mustEqual, textOf } from '../target.ts';
import type { FuzzTarget } from '../target.ts';

const words = new Int32Array(ADDRESS_WORDS);
const again = new Int32Array(ADDRESS_WORDS);

export const target: FuzzTarget = {
  name: 'values',
  what: 'addresses, networks, ports, durations and sizes as users and peers write them: written and read again they are the same',
  code: ['values/address.ts', 'values/duration.ts', 'values/networks.ts', 'values/ports.ts', 'values/size.ts'],
  mostBytes: 100,
  inputs: 1_000_000,
  seeds: () =>
    bytesOf(
      '192.0.2.1:4000',
      '[2001:db8::1]:5060',
      '::ffff:192.0.2.1',
      'fe80::1%eth0',
      '10.0.0.0/8',
      '2001:db8::/32',
      '10000-10100',
      '20ms',
      '1.5h',
      '250µs',
      '2MiB',
      '512 kB',
      '::',
      '0',
    ),
  check(input) {
    const text = textOf(input);
    const hostPort = parseHostPort(text);
    if (hostPort !== undefined) mustEqual(parseHostPort(formatHostPort(hostPort.host, hostPort.port)), hostPort, 'host and port');
    const ns = parseDurationNs(text);
    if (ns !== undefined) {
      must(Number.isFinite(ns) && ns >= 0, 'a duration of', ns);
      if (Number.isSafeInteger(ns)) mustEqual(parseDurationNs(formatDurationNs(ns)), ns, 'a duration');
    }
    const bytes = parseByteSize(text);
    must(bytes === undefined || (Number.isInteger(bytes) && bytes >= 0), 'a size of', bytes);
    const range = parsePortRange(text);
    if (range !== undefined) mustEqual(parsePortRange(formatPortRange(range)), range, 'ports');
    if (parseAddressWords(text, words)) {
      const written = formatAddressWords(words);
      must(parseAddressWords(written, again), 'an address of ours is none:', written);
      mustEqual([...again], [...words], 'an address');
    }
    const network = parseNetwork(text);
    if (network !== undefined) must(isIn(network.words, network), 'a network is not in itself', text);
    isPrivate(text);
    isLoopback(unmapAddress(text));
  },
};
