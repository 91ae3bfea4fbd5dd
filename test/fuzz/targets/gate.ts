import { describeFault, parseBound } from '../../../src/core/report/gate/expression.ts';
import { bytesOf, must, mustBeOneCleanLine, mustEqual, textOf } from '../target.ts';
import type { FuzzTarget } from '../target.ts';

export const target: FuzzTarget = {
  name: 'gate',
  what: 'bounds such as p99<20ms: read again it is the same bound, with a limit that is a number, or one clean line that names the column',
  code: ['report/gate/expression.ts', 'report/gate/fields.ts', 'service/config/suggest.ts'],
  mostBytes: 240,
  inputs: 200_000,
  seeds: () =>
    bytesOf(
      'p99<20ms',
      ' call : p95 <= 30.5 us ',
      'packet_loss_ratio<=0.2%',
      'run:mos>4',
      'late<1%',
      'lost==0',
      'total_latencies>=10000',
      'call:setup_ms<200ms',
      'q99<1',
      'p99<20ms,p95<2s',
      'r_factor != 80',
    ),
  check(input) {
    const text = textOf(input);
    const read = parseBound(text);
    if ('fault' in read) {
      const { column } = read.fault;
      must(column >= 1 && column <= text.length + 1, 'a fault in column', column, text.length);
      mustBeOneCleanLine(describeFault(read.fault).replaceAll(/[\u007f-\u009f\u2028-\u202e\u2066-\u2069]/g, ''), 'the fault');
      return;
    }
    const { bound } = read;
    must(Number.isFinite(bound.limit) && bound.limit >= 0, 'a limit of', bound.limit);
    const again = parseBound(bound.text);
    must('bound' in again, 'a bound of ours is none:', bound.text);
    mustEqual(again.bound.limit, bound.limit, 'the limit');
    must(again.bound.field.name === bound.field.name && again.bound.operator === bound.operator, 'another bound', bound.text);
  },
};
