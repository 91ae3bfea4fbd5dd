/** The set-up of calls that were placed (RFC 6076) as a table. */
import type { DelayMembers, SipSetUp } from '../run.ts';
import { formatMs, formatRatio, formatSeconds } from './table.ts';
import type { Table } from './table.ts';

export function setUpTable(setUp: SipSetUp): Table {
  const rows: readonly (readonly [name: string, value: string])[] = [
    ['session request delay (SRD) p50 / p99 / max', delayText(setUp.request_delay_ms)],
    ['  of calls that failed', delayText(setUp.failed_request_delay_ms)],
    ['session disconnect delay (SDD) p50 / p99 / max', delayText(setUp.disconnect_delay_ms)],
    ['session duration (SDT) p50', setUp.session_duration_ms === null ? '–' : formatSeconds(setUp.session_duration_ms.p50 / 1000)],
    ['session establishment ratio (SER)', formatRatio(setUp.session_establishment_ratio)],
    ['  with busy and declined as effective (SEER)', formatRatio(setUp.session_establishment_effectiveness_ratio)],
    ['ineffective session attempts (ISA)', formatRatio(setUp.ineffective_session_attempt_ratio)],
    ['session completion ratio (SCR)', formatRatio(setUp.session_completion_ratio)],
  ];
  return {
    title: 'Set-up (RFC 6076)',
    columns: [
      { name: 'measure', align: 'left' },
      { name: 'value', align: 'right' },
    ],
    rows: rows.map((row) => row.map((text) => ({ text, tone: 'plain' }))),
    note: '',
  };
}

function delayText(delay: DelayMembers | null): string {
  return delay === null ? '–' : `${formatMs(delay.p50)} / ${formatMs(delay.p99)} / ${formatMs(delay.max)} ms`;
}
