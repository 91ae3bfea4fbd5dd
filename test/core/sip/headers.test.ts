import { describe, expect, it, test } from 'vitest';
import { headerName } from '../../../src/core/sip/headers-names.ts';
import { SipHeaders } from '../../../src/core/sip/headers.ts';

function headers(...fields: readonly (readonly [string, string])[]): SipHeaders {
  const made = new SipHeaders();
  for (const [name, value] of fields) made.push(headerName(name), value);
  return made;
}

describe('names', () => {
  it.each([
    ['v', 'Via'],
    ['V', 'Via'],
    ['vIa', 'Via'],
    ['CALL-ID', 'Call-ID'],
    ['i', 'Call-ID'],
    ['cseq', 'CSeq'],
    ['l', 'Content-Length'],
    ['k', 'Supported'],
    ['x', 'Session-Expires'],
    ['www-authenticate', 'WWW-Authenticate'],
  ])('%s is %s', (written, name) => {
    expect(headerName(written).name).toBe(name);
  });

  test('every compact form of RFC 3261 §7.3.3', () => {
    const compact = new Map([
      ['Call-ID', 'i'],
      ['Contact', 'm'],
      ['Content-Encoding', 'e'],
      ['Content-Length', 'l'],
      ['Content-Type', 'c'],
      ['From', 'f'],
      ['Subject', 's'],
      ['Supported', 'k'],
      ['To', 't'],
      ['Via', 'v'],
    ]);
    for (const [name, short] of compact) expect(headerName(short).name).toBe(name);
  });

  test('an unknown name stays as it came, and is found in any case', () => {
    const made = headers(['X-Odd', '1'], ['__proto__', '2'], ['constructor', '3']);
    expect([...made.entries()]).toEqual([
      ['X-Odd', '1'],
      ['__proto__', '2'],
      ['constructor', '3'],
    ]);
    expect(made.get('x-oDD')).toBe('1');
    expect(made.get('__PROTO__')).toBe('2');
    expect(made.has('toString')).toBe(false);
    expect(made.get('hasOwnProperty')).toBeUndefined();
  });
});

describe('reading', () => {
  const made = headers(['Via', 'a'], ['To', 't'], ['v', 'b, c'], ['Accept', ''], ['VIA', '"d, e"']);

  test('get: the first', () => {
    expect(made.get('via')).toBe('a');
    expect(made.get('From')).toBeUndefined();
    expect(made.get('Accept')).toBe('');
  });

  test('all and values: in order, whole and split', () => {
    expect(made.all('v')).toEqual(['a', 'b, c', '"d, e"']);
    expect(made.values('v')).toEqual(['a', 'b', 'c', '"d, e"']);
    expect(made.values('Accept')).toEqual([]);
    expect(made.all('From')).toEqual([]);
  });
});

describe('changing', () => {
  const start = [
    ['Route', 'r'],
    ['Via', 'a'],
    ['To', 't'],
    ['Via', 'b'],
    ['CSeq', '1'],
  ] as const;

  it.each<[string, (made: SipHeaders) => void, readonly string[]]>([
    ['add: behind the last of the name', (made) => made.add('v', 'c'), ['Route r', 'Via a', 'To t', 'Via b', 'Via c', 'CSeq 1']],
    ['add: at the end', (made) => made.add('From', 'f'), ['Route r', 'Via a', 'To t', 'Via b', 'CSeq 1', 'From f']],
    ['add: behind the first field of all', (made) => made.add('Route', 's'), ['Route r', 'Route s', 'Via a', 'To t', 'Via b', 'CSeq 1']],
    ['prepend: before the first of the name', (made) => made.prepend('via', 'z'), ['Route r', 'Via z', 'Via a', 'To t', 'Via b', 'CSeq 1']],
    ['prepend: before all', (made) => made.prepend('From', 'f'), ['From f', 'Route r', 'Via a', 'To t', 'Via b', 'CSeq 1']],
    ['set: in place of all', (made) => made.set('Via', 'n'), ['Route r', 'Via n', 'To t', 'CSeq 1']],
    ['set: at the end', (made) => made.set('From', 'f'), ['Route r', 'Via a', 'To t', 'Via b', 'CSeq 1', 'From f']],
    ['delete: all of the name', (made) => made.delete('V'), ['Route r', 'To t', 'CSeq 1']],
    ['delete: none', (made) => made.delete('From'), ['Route r', 'Via a', 'To t', 'Via b', 'CSeq 1']],
    [
      'copy: all of the name',
      (made) => made.copy('via', headers(['v', 'x'], ['To', 'y'], ['Via', 'z'])),
      ['Route r', 'Via a', 'To t', 'Via b', 'CSeq 1', 'Via x', 'Via z'],
    ],
  ])('%s', (_, change, expected) => {
    const made = headers(...start);
    const before = made.revision;
    change(made);
    expect([...made.entries()].map(([name, value]) => `${name} ${value}`)).toEqual(expected);
    expect(made.revision).toBeGreaterThan(before);
  });

  it('trims what is set', () => {
    const made = new SipHeaders();
    made.set('Subject', ' \t x y ');
    expect(made.get('Subject')).toBe('x y');
  });

  it.each([
    ['Subject', 'a\r\nVia: b'],
    ['Subject', 'a\nb'],
    ['Subject', 'a\rb'],
    ['Subject', 'a\0b'],
    ['Sub ject', 'a'],
    ['Subject:', 'a'],
    ['', 'a'],
    ['Subj\r\nect', 'a'],
  ])('refuses %j: %j', (name, value) => {
    const made = headers(...start);
    expect(() => made.set(name, value)).toThrow(RangeError);
    expect(() => made.add(name, value)).toThrow(RangeError);
    expect(() => made.prepend(name, value)).toThrow(RangeError);
    expect([...made.entries()]).toEqual(start);
  });
});
