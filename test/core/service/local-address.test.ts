import { networkInterfaces } from 'node:os';
import { describe, expect, test } from 'vitest';
import { isOwnAddress, isOwnHost, localAddressTowards } from '../../../src/core/service/local-address.ts';
import { createPortableEngine } from '../../../src/core/udp/portable.ts';

const engine = createPortableEngine();

describe('the address that faces another host', () => {
  test.each([
    ['127.0.0.1', '0.0.0.0', '127.0.0.1'],
    ['127.9.9.9', '0.0.0.0', '127.0.0.1'],
    ['localhost', '0.0.0.0', '127.0.0.1'],
    ['127.0.0.1', '::', '127.0.0.1'],
    ['[::1]', '::', '::1'],
  ])('towards %s, bound to %s: %s', async (host, bind, facing) => {
    expect(await localAddressTowards(engine, host, bind)).toBe(facing);
  });

  test('an IPv6 address is out of reach for an IPv4 socket, and the error says what to do', async () => {
    await expect(localAddressTowards(engine, '[::1]', '0.0.0.0')).rejects.toMatchObject({
      code: 'network',
      message: expect.stringContaining('::1') as string,
      hint: expect.stringContaining('--bind ::') as string,
    });
  });
});

test('own addresses are loopback, mapped or not, and those of the interfaces', async () => {
  for (const own of ['127.0.0.1', '127.1.2.3', '::1', '::ffff:127.0.0.1']) expect(isOwnAddress(own), own).toBe(true);
  for (const addresses of Object.values(networkInterfaces()))
    for (const { address } of addresses ?? []) expect(isOwnAddress(address)).toBe(true);
  expect(isOwnAddress('192.0.2.1')).toBe(false);
  expect(await isOwnHost('localhost')).toBe(true);
  expect(await isOwnHost('[::1]')).toBe(true);
  expect(await isOwnHost('192.0.2.1')).toBe(false);
  expect(await isOwnHost('no-such-host.invalid')).toBe(false);
});
