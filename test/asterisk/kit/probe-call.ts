/** `rtplat probe sip:…` of one call, from the sources. */
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { CallRow, RunDocument } from '../../../src/core/report/run.ts';
import type { Datagram } from './capture.ts';

const PROGRAM = fileURLToPath(new URL('../../../bin/rtplat.ts', import.meta.url));

export interface Probed {
  readonly status: number | null;
  readonly stderr: string;
  readonly run: RunDocument;
  readonly row: CallRow;
}

/** @throws Error with what it said when there is no run document. */
export async function probeCall(args: readonly string[]): Promise<Probed> {
  const { status, stdout, stderr } = await new Promise<{
    readonly status: number | null;
    readonly stdout: string;
    readonly stderr: string;
  }>((resolve) => {
    const child = execFile(process.execPath, [PROGRAM, 'probe', ...args, '--json', '--quiet'], { maxBuffer: 2 ** 24 }, (_, out, errors) =>
      resolve({ status: child.exitCode, stdout: out, stderr: errors }),
    );
  });
  if (stdout === '') throw new Error(`no document: ${stderr}`);
  const run = JSON.parse(stdout) as RunDocument;
  return { status, stderr, run, row: run.calls[0] as CallRow };
}

/** RTP packets from one port to another, of one payload type: telephone events and the like are not among them. */
export function audioOf(all: readonly Datagram[], from: number, to: number, payloadType: number): readonly Datagram[] {
  return all.filter(
    ({ srcPort, dstPort, payload }) =>
      srcPort === from && dstPort === to && (Number.parseInt(payload.slice(2, 4), 16) & 0x7f) === payloadType,
  );
}
