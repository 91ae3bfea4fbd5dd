/** `rtplat sip-serve` registers at a real Asterisk 22, is called there, refreshes, and leaves. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type Asterisk, startAsterisk } from './kit/asterisk.ts';
import { scratchFolder } from './kit/scratch.ts';
import { type SipServe, startSipServe } from './kit/sip-server.ts';
import { TRUNK_ADDITIONS, gone, originate, signalling } from './kit/trunk.ts';

const scratch = scratchFolder();

/** What Asterisk makes of `expires_seconds`: it is refreshed while the test waits. */
const GRANTED_SECONDS = 12;

const ACCOUNTS = [
  { user: 'alice', auth: 'auth_type = userpass', password: 'secret', transport: 'udp', algorithm: 'MD5' },
  {
    user: 'bob',
    auth: 'auth_type = digest\nsupported_algorithms_uas = SHA-256',
    password: 'secret',
    transport: 'udp',
    algorithm: 'SHA-256',
  },
  {
    user: 'both',
    auth: 'auth_type = digest\nsupported_algorithms_uas = MD5,SHA-256',
    password: 'secret',
    transport: 'udp',
    algorithm: 'SHA-256',
  },
  { user: 'tom', auth: 'auth_type = userpass', password: 'secret', transport: 'tcp', algorithm: 'MD5' },
] as const;

const STRANGER = { user: 'mallory', auth: 'auth_type = userpass', password: 'guessed', transport: 'udp' } as const;

const PJSIP = `
[tcp]
type = transport
protocol = tcp
bind = 127.0.0.1:5060
${[...ACCOUNTS, STRANGER]
  .map(
    ({ user, auth }) => `
[${user}]
type = endpoint
context = nowhere
disallow = all
allow = ulaw
direct_media = no
100rel = no
timers = no
auth = ${user}
aors = ${user}
[${user}]
type = auth
${auth}
username = ${user}
password = secret
[${user}]
type = aor
max_contacts = 1
minimum_expiration = 10
maximum_expiration = ${GRANTED_SECONDS}
`,
  )
  .join('')}`;

const SERVER = `
[behavior]
auto_answer_delay_ms = 50
tone_duration_seconds = 1
${[...ACCOUNTS, STRANGER]
  .map(
    ({ user, password, transport }) => `
[[register]]
registrar = "sip:127.0.0.1:5060"
username = "${user}"
password = "${password}"
transport = "${transport}"
`,
  )
  .join('')}`;

let asterisk: Asterisk;
let server: SipServe;

beforeAll(async () => {
  const more = {
    ...TRUNK_ADDITIONS,
    modules: [...(TRUNK_ADDITIONS.modules ?? []), 'res_pjsip_registrar', 'res_pjsip_authenticator_digest'],
  };
  asterisk = await startAsterisk({ release: 'sid', dir: scratch('asterisk'), more: { ...more, pjsip: PJSIP } });
  await asterisk.cli('pjsip set logger on');
  server = await startSipServe(scratch('server'), SERVER);
});
afterAll(async () => {
  await server?.running.stop();
  await asterisk?.stop();
});

/** The REGISTER requests of a user that Asterisk has received, each with its headers. */
function registers(user: string): readonly string[] {
  const requests = signalling(asterisk, 'Received').filter((message) => /^REGISTER /m.test(message));
  return requests.filter((message) => message.includes(`\nFrom: <sip:${user}@`));
}

it.each(ACCOUNTS)('$user registers over $transport with $algorithm, and is in the list', async ({ user, algorithm, transport }) => {
  const [line] = await server.lines(new RegExp(`Registered sip:${user}@127.0.0.1:5060 for`));
  // Asterisk rounds down what is left.
  expect(line).toMatch(new RegExp(` for (${GRANTED_SECONDS - 1}|${GRANTED_SECONDS}) s$`));
  const [, authorized] = registers(user);
  expect(authorized).toMatch(new RegExp(`^Authorization: Digest .*algorithm=${algorithm}(,|$)`, 'm'));
  const contacts = await asterisk.cli('pjsip show contacts');
  expect(contacts).toMatch(new RegExp(`${user}/sip:${user}@127\\.0\\.0\\.1:\\d+${transport === 'tcp' ? ';transport=tcp' : ''}`));
});

it.each(ACCOUNTS)('Asterisk calls $user at the registered address over $transport', async ({ user, transport }) => {
  await gone(asterisk, await originate(asterisk, `PJSIP/${user}`, 'wait'));
  expect(await server.records(user)).toMatchObject([
    { status: 200, ended_by: 'us', end_reason: 'tone over', transport: transport.toUpperCase() },
  ]);
});

it('a wrong password: one clear line, one attempt, and minutes until the next', async () => {
  const [line] = await server.lines(/Not registered as sip:mallory@/);
  expect(line).toMatch(/the registrar refuses the credentials of mallory: check user name and password; again in 3\d\d s$/);
  // Once without and once with the password.
  expect(registers('mallory')).toHaveLength(2);
});

it('is refreshed before it ends, and Asterisk is told on SIGTERM', async () => {
  for (const { user } of ACCOUNTS) await server.lines(new RegExp(`Registered sip:${user}@`), 2);
  expect(registers('mallory')).toHaveLength(2);
  server.running.kill('SIGTERM');
  expect((await server.running.ended).code).toBe(0);
  for (const { user } of ACCOUNTS) await server.lines(new RegExp(`Unregistered sip:${user}@`));
  expect(await asterisk.cli('pjsip show contacts')).not.toMatch(/sip:\w+@127\.0\.0\.1/);
  const ends = ACCOUNTS.map(({ user }) => /^Expires: (\d+)$/m.exec(registers(user).at(-1) ?? '')?.[1]);
  expect(ends).toEqual(ACCOUNTS.map(() => '0'));
});
