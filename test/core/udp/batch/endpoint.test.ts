import { isIPv4, isIPv6, SocketAddress } from 'node:net';
import { networkInterfaces } from 'node:os';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createBatchEngine } from '../../../../src/core/udp/batch/engine.ts';
import { EndpointTable, kernelEndpoint } from '../../../../src/core/udp/batch/endpoint.ts';
import type { KernelEndpoint } from '../../../../src/core/udp/batch/endpoint.ts';
import { AF_INET, AF_INET6, SOCKADDR_IN6_BYTES, SOCKADDR_IN_BYTES } from '../../../../src/core/udp/batch/layout.ts';
import { addressBytes } from '../../../../src/core/udp/proc-drops.ts';
import { collect, sendText, textOf } from '../collector.ts';
import { LOOPBACK, worldOf } from '../world.ts';

const ports = fc.oneof(fc.constantFrom(0, 1, 255, 256, 65_280, 65_535), fc.nat({ max: 65_535 }));
/** Zeros are where the text forms differ. */
const groups = fc.array(fc.oneof(fc.constant(0), fc.nat({ max: 0xffff })), { minLength: 8, maxLength: 8 });

function made(address: string, port: number, family: 'IPv4' | 'IPv6'): KernelEndpoint {
  const endpoint = kernelEndpoint({ address, port }, family);
  if (endpoint === undefined) throw new Error(`${address} is no ${family} address`);
  return endpoint;
}

/** The bytes of a sockaddr as the kernel sees them. */
function bytesOf({ words, length }: KernelEndpoint): Uint8Array {
  return new Uint8Array(words.buffer, words.byteOffset, length);
}

/** From the bytes alone, without the text. */
function afresh({ words, length }: KernelEndpoint): KernelEndpoint {
  return new EndpointTable().find(words, 0, length);
}

/** The one text that an address has in a URL (WHATWG), which is that of RFC 5952 but for mapped addresses. */
function urlForm(address: string): string {
  return new URL(`udp://[${address}]/`).hostname.slice(1, -1);
}

describe('an endpoint of the kernel', () => {
  it('is a sockaddr_in', () => {
    expect([...bytesOf(made('192.0.2.1', 4000, 'IPv4'))]).toEqual([AF_INET, 0, 0x0f, 0xa0, 192, 0, 2, 1, 0, 0, 0, 0, 0, 0, 0, 0]);
  });

  it('is a sockaddr_in6, with a mapped address for an IPv4 peer', () => {
    const mapped = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 192, 0, 2, 1];
    const expected = [AF_INET6, 0, 0x0f, 0xa0, 0, 0, 0, 0, ...mapped, 0, 0, 0, 0];
    expect([...bytesOf(made('192.0.2.1', 4000, 'IPv6'))]).toEqual(expected);
    expect([...bytesOf(made('::ffff:192.0.2.1', 4000, 'IPv6'))]).toEqual(expected);
    expect([...bytesOf(made('::ffff:c000:201', 4000, 'IPv6'))]).toEqual(expected);
    expect([...bytesOf(made('::ffff:192.0.2.1', 4000, 'IPv4'))]).toEqual([...bytesOf(made('192.0.2.1', 4000, 'IPv4'))]);
  });

  it('has the text that it was made of (IPv4)', () => {
    fc.assert(
      fc.property(fc.ipV4(), ports, (address, port) => {
        const endpoint = afresh(made(address, port, 'IPv4'));
        expect({ address: endpoint.address, port: endpoint.port }).toEqual({ address, port });
        expect([...bytesOf(endpoint).subarray(4, 8)]).toEqual([...addressBytes(address)!]);
      }),
    );
  });

  it('has the one text of its address, however that was written (IPv6)', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.ipV6(),
          groups.map((all) => all.map((group) => group.toString(16)).join(':')),
        ),
        ports,
        (address, port) => {
          expect(isIPv6(address)).toBe(true);
          const endpoint = afresh(made(address, port, 'IPv6'));
          expect(endpoint.port).toBe(port);
          expect(isIPv6(endpoint.address)).toBe(true);
          expect([...bytesOf(endpoint).subarray(8, 24)]).toEqual([...addressBytes(address)!]);
          expect(urlForm(endpoint.address)).toBe(urlForm(address));
          if (!endpoint.address.includes('.')) expect(endpoint.address).toBe(urlForm(address));
          // As node spells it where it is asked to read an address.
          expect(made(new SocketAddress({ address, port, family: 'ipv6' }).address, port, 'IPv6').equals(endpoint)).toBe(true);
        },
      ),
    );
  });

  it('has a mapped IPv4 address with dots', () => {
    fc.assert(
      fc.property(fc.ipV4(), ports, (address, port) => {
        const endpoint = afresh(made(address, port, 'IPv6'));
        expect(endpoint.address).toBe(`::ffff:${address}`);
        expect(isIPv4(endpoint.address.slice(7))).toBe(true);
      }),
    );
  });

  it.each([
    ['0:0:0:0:0:0:0:0', '::'],
    ['0:0:0:0:0:0:0:1', '::1'],
    ['1:0:0:0:0:0:0:0', '1::'],
    ['2001:DB8::0001', '2001:db8::1'],
    ['1:0:0:2:0:0:0:3', '1:0:0:2::3'],
    ['1:0:0:2:3:0:0:4', '1::2:3:0:0:4'],
    ['1:0:2:3:4:5:6:7', '1:0:2:3:4:5:6:7'],
    ['0:2:3:4:5:6:7:0', '0:2:3:4:5:6:7:0'],
    ['::ffff:0:0', '::ffff:0.0.0.0'],
    ['::1:ffff:0:0', '::1:ffff:0:0'],
  ])('spells %s as %s (RFC 5952)', (address, text) => {
    expect(afresh(made(address, 1, 'IPv6')).address).toBe(text);
  });

  it('keeps the number of an interface', () => {
    const endpoint = afresh(made('fe80::1%7', 1, 'IPv6'));
    expect(endpoint.address).toBe('fe80::1%7');
    expect(endpoint.equals(made('fe80::1%7', 1, 'IPv6'))).toBe(true);
    expect(endpoint.equals(made('fe80::1%8', 1, 'IPv6'))).toBe(false);
  });

  const [named] = Object.entries(networkInterfaces()).flatMap(([name, entries = []]) =>
    entries.flatMap((entry) => (entry.family === 'IPv6' && entry.scopeid > 0 ? [{ name, index: entry.scopeid }] : [])),
  );

  it.runIf(named !== undefined)('knows the number of an interface by its name', () => {
    expect(made(`fe80::1%${named?.name}`, 1, 'IPv6').address).toBe(`fe80::1%${named?.index}`);
  });

  it.each([
    ['::1', 'IPv4'],
    ['::ffff:c000:201', 'IPv4'],
    ['localhost', 'IPv4'],
    ['1.2.3', 'IPv4'],
    ['1.2.3.256', 'IPv4'],
    ['', 'IPv4'],
    ['localhost', 'IPv6'],
    ['1:2', 'IPv6'],
    ['fe80::1%no-such-interface', 'IPv6'],
    ['fe80::1%4294967296', 'IPv6'],
    ['fe80::1%-1', 'IPv6'],
    ['', 'IPv6'],
  ] as const)('is not made of %j for a socket of %s', (address, family) => {
    expect(kernelEndpoint({ address, port: 1 }, family)).toBeUndefined();
  });

  it('equals what has the same address, port and interface', () => {
    const endpoint = made('192.0.2.1', 4000, 'IPv4');
    expect(endpoint.equals(made('192.0.2.1', 4000, 'IPv4'))).toBe(true);
    expect(endpoint.equals(made('192.0.2.2', 4000, 'IPv4'))).toBe(false);
    expect(endpoint.equals(made('192.0.2.1', 4001, 'IPv4'))).toBe(false);
    expect(endpoint.equals(made('192.0.2.1', 4000, 'IPv6'))).toBe(false);
  });
});

describe('the table of endpoints', () => {
  const find = (table: EndpointTable, { words, length }: KernelEndpoint): KernelEndpoint => table.find(words, 0, length);

  it('gives the same object for the same sockaddr, wherever that lies, and whatever lies around it', () => {
    const table = new EndpointTable();
    fc.assert(
      fc.property(fc.oneof(fc.ipV4(), fc.ipV6()), ports, fc.nat({ max: 5 }), fc.integer(), (address, port, at, noise) => {
        const endpoint = made(address, port, isIPv4(address) ? 'IPv4' : 'IPv6');
        const memory = new Int32Array(20).fill(noise);
        memory.set(endpoint.words.subarray(0, endpoint.length / 4), at);
        const found = table.find(memory, at, endpoint.length);
        expect(found.equals(endpoint)).toBe(true);
        expect(found.length).toBe(isIPv4(address) ? SOCKADDR_IN_BYTES : SOCKADDR_IN6_BYTES);
        memory.fill(~noise);
        memory.set(endpoint.words.subarray(0, endpoint.length / 4), at);
        expect(table.find(memory, at, endpoint.length)).toBe(found);
        // The kernel may reuse its memory.
        memory.fill(0);
        expect(found.equals(endpoint)).toBe(true);
      }),
    );
  });

  it('does not take a flow label for a part of the peer (RFC 3493 §3.3)', () => {
    const table = new EndpointTable();
    const endpoint = made('2001:db8::1', 4000, 'IPv6');
    const labelled = Int32Array.from(endpoint.words);
    labelled[1] = 0x1234_5678;
    const found = table.find(labelled, 0, endpoint.length);
    expect(find(table, endpoint)).toBe(found);
    expect([...found.words]).toEqual([...endpoint.words]);
  });

  it('tells peers apart that differ in one bit', () => {
    const table = new EndpointTable();
    const base = made('2001:db8::1', 4000, 'IPv6');
    const seen = new Set([find(table, base)]);
    for (const bit of Array.from({ length: 8 * SOCKADDR_IN6_BYTES }, (_, i) => i)) {
      const words = Int32Array.from(base.words);
      words[bit >>> 5] = (words[bit >>> 5] as number) ^ (1 << (bit & 31));
      seen.add(table.find(words, 0, base.length));
    }
    // All but the 32 bits of the flow label.
    expect(seen.size).toBe(1 + 8 * SOCKADDR_IN6_BYTES - 32);
  });

  it.each([
    { what: 'ports of one host', peer: (i: number) => made('192.0.2.1', i & 0xffff, 'IPv4') },
    { what: 'hosts with one port', peer: (i: number) => made(`10.${i >>> 16}.${(i >>> 8) & 255}.${i & 255}`, 5060, 'IPv4') },
    {
      what: 'hosts of one IPv6 network',
      peer: (i: number) => made(`2001:db8::${(i >>> 16).toString(16)}:${(i & 0xffff).toString(16)}:0:1`, 4000, 'IPv6'),
    },
  ])('keeps up with more $what than it can remember', ({ peer }) => {
    const table = new EndpointTable();
    const total = 50_000;
    for (let i = 0; i < total; i++) {
      const endpoint = peer(i);
      const found = find(table, endpoint);
      // Known from the first time on, also when it has just had to forget the others.
      if (find(table, endpoint) !== found || !found.equals(endpoint)) expect.fail(`peer ${i}`);
    }
    for (let i = total - 1000; i < total; i++) expect(find(table, peer(i)).equals(peer(i))).toBe(true);
  });
});

describe('an engine that has seen more peers than it can remember', () => {
  const engine = createBatchEngine();
  const { bound } = worldOf(engine);

  it('still knows the peers of its connected sockets, and the ones that were named', async () => {
    const server = await bound(LOOPBACK);
    const client = await bound({ ...LOOPBACK, connect: server.local });
    const name = server.named(client.local);
    for (let i = 0; i < 40_000; i++) engine.known(Int32Array.from([AF_INET | (i << 16), 0x0100_007f + (i & 0x10000)]), SOCKADDR_IN_BYTES);
    const atClient = collect(client);
    sendText(server, 'are you there', name);
    await atClient.received(1);
    expect(textOf(atClient.packets[0])).toBe('are you there');
    expect(atClient.packets[0]?.from).toEqual(server.local);
  });

  it('gives a peer that it knows by the object that its datagrams come from', async () => {
    const server = await bound(LOOPBACK);
    const client = await bound(LOOPBACK);
    const name = server.named({ ...client.local });
    const { promise, resolve } = Promise.withResolvers<unknown>();
    server.receive({ packet: (_buffer, _offset, _length, { from }) => resolve(from), error: (code) => expect.fail(code) });
    sendText(client, 'it is me', server.local);
    expect(await promise).toBe(name);
    expect(server.named(name)).toBe(name);
  });
});
