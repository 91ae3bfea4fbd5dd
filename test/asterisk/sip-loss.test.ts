/** One datagram in twenty is lost, in both directions: every call is set up and ends all the same. */
import { expect, it, onTestFinished } from 'vitest';
import { lossyLink } from './kit/lossy-link.ts';
import { scratchFolder } from './kit/scratch.ts';
import { SIP_PORT, callers, startSipServe } from './kit/sip-server.ts';
import { note } from './kit/world.ts';

const scratch = scratchFolder();

const CALLS = 500;

it('5 % loss both ways at 50 calls a second: 500 of 500 calls', async () => {
  const dir = scratch('loss');
  const server = await startSipServe(dir, '[behavior]\nmode = "echo"\nauto_answer_delay_ms = 100\nmax_concurrent_calls = 500\n');
  onTestFinished(() => server.running.stop());
  const by = { address: '127.0.0.2', port: 5080 };
  const link = await lossyLink({ ...by, caller: '127.0.0.1', server: { address: '127.0.0.1', port: SIP_PORT }, loss: 0.05, seed: 7 });
  onTestFinished(() => link.close());

  // SIPp takes a 200 that is repeated for want of an ACK for the answer to its BYE, when that is lost as well: calls last until an ACK has
  // surely arrived (the 200 comes again after 0.5, 1.5 and 3.5 s).
  const steps = { builtIn: 'uac', args: ['-d', '4000'] };
  const { code, errors } = await callers({ dir, user: 'loss', steps, calls: CALLS, rate: 50, by });
  expect({ code, errors }).toEqual({ code: 0, errors: '' });

  const records = await server.records('loss', CALLS);
  const { calls } = await server.idle();
  expect(calls).toMatchObject({ taken: CALLS, refused: 0 });
  expect(new Set(records.map((record) => record.sip_call_id)).size).toBe(CALLS);
  for (const record of records) expect(record).toMatchObject({ status: 200, ended_by: 'caller', end_reason: 'BYE' });

  const shareOf = ({ passed, lost }: { readonly passed: number; readonly lost: number }): number => lost / (passed + lost);
  note(
    `loss: ${link.toServer.lost} of ${link.toServer.lost + link.toServer.passed} datagrams to the server, ${link.toCaller.lost} of ${link.toCaller.lost + link.toCaller.passed} to the caller`,
  );
  // There was something to survive.
  expect(shareOf(link.toServer)).toBeGreaterThan(0.02);
  expect(shareOf(link.toCaller)).toBeGreaterThan(0.02);
});
