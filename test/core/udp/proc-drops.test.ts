import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { addressBytes, parseProcDrops, procKey } from '../../../src/core/udp/proc-drops.ts';

const UDP = `   sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode ref pointer drops
  123: 0100007F:0FA0 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 11111 2 0000000000000000 42
  124: 0100007F:0FA0 0100007F:0FA1 01 00000000:00000000 00:00000000 00000000     0        0 11112 2 0000000000000000 3
 9999: 00000000:0035 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 11113 2 0000000000000000 0
`;
const UDP6 = `  sl  local_address                         remote_address                        st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode ref pointer drops
  77: 00000000000000000000000001000000:0FA0 00000000000000000000000000000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 11114 2 0000000000000000 9
`;

function keyOf(address: string, port: number, endianness: 'BE' | 'LE' = 'LE'): string {
  return procKey(addressBytes(address)!, port, endianness);
}

describe('/proc/net/udp', () => {
  it('gives the drops of a local endpoint, sockets that share it added up', () => {
    const drops = parseProcDrops(UDP);
    expect(drops.get(keyOf('127.0.0.1', 4000))).toBe(45);
    expect(drops.get(keyOf('0.0.0.0', 53))).toBe(0);
    expect(drops.get(keyOf('127.0.0.1', 4001))).toBeUndefined();
  });

  it('reads the IPv6 table', () => {
    expect(parseProcDrops(UDP6).get(keyOf('::1', 4000))).toBe(9);
  });

  it('passes over what is not of that form', () => {
    expect(parseProcDrops('').size).toBe(0);
    expect(parseProcDrops('header\nonly three columns\n').size).toBe(0);
    expect(parseProcDrops('header\n1: A:1 B:2 3 4 5 6 7 8 9 10 11 many\n').size).toBe(0);
  });

  it('spells addresses in words of the processor', () => {
    expect(keyOf('127.0.0.1', 4000, 'LE')).toBe('0100007F:0FA0');
    expect(keyOf('127.0.0.1', 4000, 'BE')).toBe('7F000001:0FA0');
    expect(keyOf('2001:db8::ff', 1, 'LE')).toBe('B80D01200000000000000000FF000000:0001');
  });
});

describe('addressBytes', () => {
  it.each([
    ['192.0.2.255', [192, 0, 2, 255]],
    ['::', Array.from({ length: 16 }, () => 0)],
    ['::1', [...Array.from({ length: 15 }, () => 0), 1]],
    ['fe80::1%eth0', [0xfe, 0x80, ...Array.from({ length: 13 }, () => 0), 1]],
    ['::ffff:192.0.2.1', [...Array.from({ length: 10 }, () => 0), 0xff, 0xff, 192, 0, 2, 1]],
    ['1:2:3:4:5:6:7:8', [0, 1, 0, 2, 0, 3, 0, 4, 0, 5, 0, 6, 0, 7, 0, 8]],
    ['2001:db8::', [0x20, 0x01, 0x0d, 0xb8, ...Array.from({ length: 12 }, () => 0)]],
  ])('%s', (text, bytes) => {
    expect(addressBytes(text)).toEqual(Uint8Array.from(bytes));
  });

  it.each([
    '',
    'localhost',
    '1.2.3',
    '1.2.3.256',
    '1.2.3.4.5',
    '1..2.3',
    '1:2:3',
    '::1::2x',
    '12345::',
    '1:2:3:4:5:6:7:8:9',
    '::1.2.3',
    ':1:',
  ])('refuses %j', (text) => {
    expect(addressBytes(text)).toBeUndefined();
  });

  it('reads every IPv6 address there is', () => {
    fc.assert(
      fc.property(fc.ipV6(), (text) => {
        expect(addressBytes(text)).toHaveLength(16);
      }),
    );
  });

  it('answers anything at all with bytes or with undefined', () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        expect([undefined, 4, 16]).toContain(addressBytes(text)?.length);
      }),
    );
  });
});
