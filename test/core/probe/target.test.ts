import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { RtplatError } from '../../../src/core/errors.ts';
import { parseTarget } from '../../../src/core/probe/target.ts';

describe('parseTarget', () => {
  it.each([
    ['udp://127.0.0.1:4000', '127.0.0.1', 4000],
    ['udp://[::1]:4000', '::1', 4000],
    ['UDP://echo.example:4000/', 'echo.example', 4000],
    ['127.0.0.1:4000', '127.0.0.1', 4000],
    ['[2001:db8::1]:65535', '2001:db8::1', 65_535],
    ['  localhost:1 ', 'localhost', 1],
  ])('%j', (text, host, port) => {
    expect(parseTarget(text)).toEqual({ kind: 'udp', host, port });
  });

  it.each([
    ['', 'names no host and port'],
    ['udp://', 'names no host and port'],
    ['udp://127.0.0.1', 'names no host and port'],
    ['127.0.0.1:0', 'names no host and port'],
    ['127.0.0.1:65536', 'names no host and port'],
    ['::1:4000', 'names no host and port'],
    ['tcp://127.0.0.1:4000', 'tcp:// is not a kind of target'],
    ['sip:600@pbx', 'it names no host and port'],
    ['ari:Local/echo@rtplat', 'ari: targets are not in this version'],
  ])('refuses %j: %s', (text, why) => {
    expect(() => parseTarget(text)).toThrow(why);
  });

  it('knows a target or says that the command line is wrong, whatever it is given', () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        expect(outcomeOf(text)).toMatch(/^(udp|usage)$/);
      }),
    );
  });
});

function outcomeOf(text: string): string {
  try {
    return parseTarget(text).kind;
  } catch (error) {
    return error instanceof RtplatError ? error.code : String(error);
  }
}
