import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { describeFault, OPERATORS, parseBound } from '../../../../src/core/report/gate/expression.ts';
import { FIELD_NAMES } from '../../../../src/core/report/gate/fields.ts';
import { makeRun } from '../make-run.ts';

/** What was read, as one line. */
function read(text: string): string {
  const reading = parseBound(text);
  if ('fault' in reading) return describeFault(reading.fault);
  const { scope, field, operator, limit } = reading.bound;
  return `${scope} ${field.name} ${operator} ${limit}`;
}

describe('a bound', () => {
  it.each([
    ['p99<20ms', 'all p99_latency < 20'],
    ['p99_latency <= 20 ms', 'all p99_latency <= 20'],
    [' max > 250us ', 'all max_latency > 0.25'],
    ['mean<1.5s', 'all avg_latency < 1500'],
    ['avg==0', 'all avg_latency == 0'],
    ['loss<0.7%', 'all packet_loss_ratio < 0.007'],
    ['packet_loss_ratio<0.002', 'all packet_loss_ratio < 0.002'],
    ['late<0.1%', 'all late_ratio < 0.001'],
    ['late<=10', 'all late <= 10'],
    ['jitter_ms<5ms', 'all jitter_ms < 5'],
    ['mos>=4.1', 'all mos >= 4.1'],
    ['sent!=0', 'all sent != 0'],
    ['p99.9<30ms', 'all p99.9 < 30'],
    ['p99.0<30ms', 'all p99_latency < 30'],
    ['send_error_ms.p99<1ms', 'all send_error_ms.p99 < 1'],
    ['all: p50<10ms', 'all p50_latency < 10'],
    ['call:p95 < 30ms', 'call p95_latency < 30'],
    ['call:setup_ms<200ms', 'call setup_ms < 200'],
    ['run:mos>4', 'run mos > 4'],
  ])('%s', (text, expected) => {
    expect(read(text)).toBe(expected);
  });

  it.each([
    ['', 'column 1: there is nothing in it (a bound is written like p99<20ms)'],
    ['<20ms', 'column 1: a field is missing (a bound is written like p99<20ms)'],
    ['q99<20ms', 'column 1: unknown field "q99" (did you mean p99?)'],
    ['call: pakcet_loss_ratio<1%', 'column 7: unknown field "pakcet_loss_ratio" (did you mean packet_loss_ratio?)'],
    ['cal:p99<20ms', 'column 1: unknown scope "cal" (did you mean call:?)'],
    ['p99', 'column 4: expected one of < <= > >= == !=, found the end'],
    ['p99=20ms', 'column 4: expected one of < <= > >= == !=, found "=" (write ==)'],
    ['p99<', 'column 5: a number is missing (write p99<20ms)'],
    ['p99<-1ms', 'column 5: expected a number, found "-1ms" (nothing that is measured is below 0)'],
    ['p99<20', 'column 5: p99 is a time and needs a unit (write p99<20ms)'],
    ['p99<20min', 'column 7: "min" is no unit of a time (us, ms and s are)'],
    ['p99<1%', 'column 6: "%" is no unit of a time (us, ms and s are)'],
    ['p99<20ms,loss<1%', 'column 9: a bound ends here (the next one is one of its own)'],
    ['loss<1', 'column 6: loss is a fraction of 1, and 1 is all of it or more (write 1% for 1 of 100)'],
    ['loss<1ms', 'column 7: "ms" is no unit of a ratio (write loss<0.2%)'],
    ['late<0.5', 'column 6: late is a count, and 0.5 is no whole number (late<0.5% is a ratio)'],
    ['lost<1%', 'column 7: lost is a count and has no unit (loss is the ratio)'],
    ['mos>4ms', 'column 6: mos has no unit (write mos>4)'],
    ['call:mos>4', 'column 6: a call has no mos (write mos for all calls together)'],
    ['setup_ms<1ms', 'column 1: setup_ms is of a call (write call:setup_ms for each of them)'],
  ])('%s is refused', (text, expected) => {
    expect(read(text)).toBe(expected);
  });

  it('is one of any text, or refused with a place in it', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string({ unit: 'binary', maxLength: 250 }),
          fc.stringMatching(/^[a-z:]{0,8}p?[0-9.]{0,6}[<>=!]{0,2}[0-9.]{0,6}[a-z%]{0,3}$/),
        ),
        (text) => {
          const reading = parseBound(text);
          if ('fault' in reading) {
            expect(reading.fault.column).toBeGreaterThanOrEqual(1);
            expect(reading.fault.column).toBeLessThanOrEqual(text.length + 1);
          } else {
            expect(parseBound(reading.bound.text)).toEqual(reading);
            expect(Number.isFinite(reading.bound.limit)).toBe(true);
          }
        },
      ),
    );
  });

  it('may stand on every number of a summary', () => {
    const numeric = Object.entries(makeRun().summary).flatMap(([name, value]) => (typeof value === 'number' ? [name] : []));
    expect(FIELD_NAMES).toEqual(expect.arrayContaining([...numeric, 'mos', 'r_factor', 'socket_drops', 'unstamped', 'peak_channels']));
    for (const name of FIELD_NAMES) for (const operator of OPERATORS) expect(FIELD_NAMES).toContain(nameRead(name, operator));
  });
});

function nameRead(name: string, operator: string): string {
  const reading = [`${name}${operator}0`, `call:${name}${operator}0`].map(parseBound).find((each) => 'bound' in each);
  return reading !== undefined && 'bound' in reading ? reading.bound.field.name : `${name} cannot be used`;
}
