import { describe, expect, it, test } from 'vitest';
import { AriFailure } from '../../../src/core/ari/api.ts';
import { askRtpRange, overlapWarning } from '../../../src/core/ari/rtp-range.ts';
import { FakeAsterisk } from '../../kit/fake-asterisk.ts';

/** An Asterisk whose rtp.conf says so; `undefined` is a setting that is not made. */
function asterisk(start: string | undefined, end: string | undefined, hasConfigFunction = true): FakeAsterisk {
  const fake = new FakeAsterisk(() => {});
  fake.channelVariable = (_, expression) =>
    Promise.resolve(expression.includes('rtpstart') ? start : expression.includes('rtpend') ? end : 'x');
  fake.hasModule = (name) => Promise.resolve(name === 'func_config.so' && hasConfigFunction);
  return fake;
}

describe('askRtpRange', () => {
  it.each([
    ['both settings', '10000', '20000', true, { first: 10_000, last: 20_000 }],
    ['no setting: what Asterisk has built in', undefined, undefined, true, { first: 5_000, last: 31_000 }],
    ['only the start', '20000', undefined, true, { first: 20_000, last: 31_000 }],
    ['only the end', undefined, '9000', true, { first: 5_000, last: 9_000 }],
    ['no way to ask', undefined, undefined, false, undefined],
    ['nonsense', 'many', '20000', true, undefined],
    ['a range that runs backwards', '20000', '10000', true, undefined],
    ['an empty answer', '', '', true, undefined],
  ] as const)('%s', async (_, start, end, hasConfigFunction, range) => {
    const fake = asterisk(start, end, hasConfigFunction);
    expect(await askRtpRange(fake, 'question', '127.0.0.1:10000')).toEqual(range);
    expect(fake.channels.size).toBe(0);
  });

  it('hangs its channel up when the question fails', async () => {
    const fake = asterisk('1', '2');
    fake.channelVariable = () => Promise.reject(new AriFailure('timeout', 'no answer'));
    await expect(askRtpRange(fake, 'question', '127.0.0.1:10000')).rejects.toThrow('no answer');
    expect(fake.requests.at(-1)).toBe('hangUp question normal');
  });
});

test('an overlap is told with both ranges, what is shared, and what to do', () => {
  expect(overlapWarning({ first: 10_000, last: 10_100 }, { first: 10_100, last: 20_000 })).toBe(
    "Warning: the range 10000-10100 overlaps Asterisk's own RTP range 10100-20000 in 10100-10100: " +
      'each takes ports from the other, and calls fail now and then; move rtpstart and rtpend in rtp.conf, or --range',
  );
  expect(overlapWarning({ first: 10_000, last: 10_100 }, { first: 10_101, last: 20_000 })).toBeUndefined();
});
