import { parseDtmfInfo } from '../../../src/core/audio/dtmf-info.ts';
import { telephoneEventCode } from '../../../src/core/rtp/telephone-event.ts';
import { bytesOf, must, textOf } from '../target.ts';
import type { FuzzTarget } from '../target.ts';

const LF = 0x0a;

export const target: FuzzTarget = {
  name: 'dtmf-info',
  what: 'digits in SIP INFO, the Content-Type in the first line: each has a name, and lasts at most a minute',
  code: ['audio/dtmf-info.ts'],
  mostBytes: 700,
  inputs: 1_000_000,
  seeds: () =>
    bytesOf(
      'application/dtmf-relay\nSignal=5\r\nDuration=160\r\n',
      'application/dtmf-relay; x=y\nSignal= 11\nDuration=99999',
      'application/dtmf\n#',
      'application/dtmf\nsignal=!\n',
      'Application/DTMF\n16',
    ),
  check(input) {
    const end = input.indexOf(LF);
    const digit = parseDtmfInfo(textOf(input.subarray(0, end === -1 ? 0 : end)), input.subarray(end + 1));
    if (digit === undefined) return;
    must(telephoneEventCode(digit.digit) !== undefined, 'a digit without a name', digit);
    const { durationMs } = digit;
    must(durationMs === undefined || (Number.isInteger(durationMs) && durationMs >= 0 && durationMs <= 60_000), 'it lasts', durationMs);
  },
};
