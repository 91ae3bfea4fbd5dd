/** `rtplat sip-serve` is stopped, told other rules, and killed, with calls up. */
import { once } from 'node:events';
import { connect } from 'node:net';
import { expect, it, onTestFinished } from 'vitest';
import { until } from './kit/process.ts';
import { dial } from './kit/phone.ts';
import { scratchFolder } from './kit/scratch.ts';
import { SIP_PORT, type SipServe, startSipServe } from './kit/sip-server.ts';

const scratch = scratchFolder();

const ENDLESS = '[behavior]\nauto_answer_delay_ms = 0\ntone_duration_seconds = 0\n';

async function served(toml: string): Promise<SipServe> {
  const server = await startSipServe(scratch('server'), toml);
  onTestFinished(() => server.running.stop());
  return server;
}

it('SIGTERM: no new call, those that are up may end by themselves, the rest get BYE', async () => {
  const server = await served(`${ENDLESS}[limits]\nstop_grace_seconds = 2\n`);
  const [leaves, stays] = await Promise.all([dial('leaves'), dial('stays')]);
  server.running.kill('SIGTERM');
  await server.lines(/SIGTERM received; calls to end: 2/);
  await expect(dial('late')).rejects.toThrow('SIP/2.0 503 Service Unavailable');
  expect(await leaves.hangUp()).toBe(200);
  const heard = stays.heard.length;
  await until('the tone goes on', () => stays.heard.length > heard + 10 || undefined);
  await stays.ended;
  stays.close();
  expect((await server.running.ended).code).toBe(0);
  expect(await server.records('leaves')).toMatchObject([{ ended_by: 'caller', end_reason: 'BYE' }]);
  expect(await server.records('stays')).toMatchObject([{ ended_by: 'us', end_reason: 'the service stops' }]);
});

it('SIGHUP: the next call sees another rule, the one that is up goes on', async () => {
  const server = await served(`${ENDLESS}[[route]]\nmatch = "6*"\naction = "tone"\nfrequency = 1000.0\n`);
  const before = await dial('600');
  await server.reload(`${ENDLESS}[[route]]\nmatch = "6*"\naction = "reject"\nstatus = 404\nreason = "Not Here Any More"\n`);
  await expect(dial('600')).rejects.toThrow('SIP/2.0 404 Not Here Any More');
  const heard = before.heard.length;
  await until('the tone goes on', () => before.heard.length > heard + 10 || undefined);
  expect(await before.hangUp()).toBe(200);
  expect(await server.records('600', 2)).toMatchObject([{ status: 404 }, { status: 200, ended_by: 'caller' }]);
});

it('kill -9 with calls up, and at once again on the same ports', async () => {
  const first = await served(ENDLESS);
  const orphan = await dial('orphan');
  const connection = connect(SIP_PORT, '127.0.0.1');
  connection.on('error', () => {});
  await once(connection, 'connect');
  first.running.kill('SIGKILL');
  await first.running.ended;
  const second = await served(ENDLESS);
  const after = await dial('after');
  await until('the tone', () => after.heard.length > 10 || undefined);
  // The old call is unknown, and its caller is told so.
  expect(await orphan.hangUp()).toBe(481);
  expect(await after.hangUp()).toBe(200);
  expect(await second.records('after')).toMatchObject([{ ended_by: 'caller', media: { send_errors: 0 } }]);
  connection.destroy();
});
