import { createSocket } from 'node:dgram';
import type { RemoteInfo, Socket } from 'node:dgram';
import { once } from 'node:events';
import { afterEach, describe, expect, it } from 'vitest';
import { Cli, runCli } from './run-cli.ts';

const running: Cli[] = [];
const sockets: Socket[] = [];

afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.close();
  await Promise.all(running.splice(0).map((cli) => cli.kill()));
});

async function startEcho(args: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<{ cli: Cli; port: number }> {
  const cli = new Cli(['echo', ...args], env);
  running.push(cli);
  const [, port] = await cli.shows(/echo listening on \S*:(\d+) /);
  return { cli, port: Number(port) };
}

async function roundTrip(address: string, port: number, payload: string): Promise<{ text: string; from: RemoteInfo }> {
  const socket = createSocket(address.includes(':') ? 'udp6' : 'udp4');
  sockets.push(socket);
  const arrived = once(socket, 'message') as Promise<[Buffer, RemoteInfo]>;
  socket.send(payload, port, address);
  const [message, from] = await arrived;
  return { text: message.toString(), from };
}

describe('rtplat echo', () => {
  it('says what it listens on, returns datagrams, and ends with a summary', async () => {
    const { cli, port } = await startEcho(['--port', '0', '--bind', '127.0.0.1']);
    const { text, from } = await roundTrip('127.0.0.1', port, 'hello');
    expect(text).toBe('hello');
    expect(from).toMatchObject({ address: '127.0.0.1', port });
    cli.signal('SIGINT');
    const { status, stdout, stderr } = await cli.end();
    expect(status).toBe(0);
    expect(stderr).toBe('');
    expect(stdout).toMatch(
      /^\S+Z echo listening on 127\.0\.0\.1:\d+ \(receive buffer \d+ kB of 2048 kB asked, batch engine \(recvmmsg and sendmmsg\), kernel clock\)$/m,
    );
    expect(stdout).toMatch(/packets received\s+│\s+1 /);
    expect(stdout).toMatch(/bytes received\s+│\s+5 /);
    // No colours and no cursor movements where nobody looks.
    expect(stdout).not.toContain('\u001B');
  });

  it.each([
    { args: ['--engine', 'portable'], how: /portable engine \(asked for\), user clock\)/, delays: /host delay.*│\s+–, –, – │/ },
    { args: ['--engine', 'batch', '--busy-poll'], how: /batch engine \(asked for\), kernel clock\)/, delays: /host delay.*│\s+\d+\.\d+, / },
    { args: ['--workers', '3'], how: /kernel clock, 3 workers\)/, delays: /packets of each worker\s+│/ },
    { args: ['--workers', '3', '--engine', 'portable'], how: /user clock, 3 workers\)/, delays: /packets of each worker\s+│/ },
  ])('echoes with $args, and says how', async ({ args, how, delays }) => {
    const { cli, port } = await startEcho(['--port', '0', '--bind', '127.0.0.1', ...args]);
    for (let i = 0; i < 10; i++) expect((await roundTrip('127.0.0.1', port, `packet ${i}`)).text).toBe(`packet ${i}`);
    cli.signal('SIGINT');
    const { status, stdout, stderr } = await cli.end();
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    expect(stdout).toMatch(how);
    expect(stdout).toMatch(delays);
    expect(stdout).toMatch(/packets received\s+│\s+10 /);
  });

  it('shares its port among its own workers, and with nobody else', async () => {
    const { port } = await startEcho(['--port', '0', '--bind', '127.0.0.1', '--workers', '2']);
    const { status, stderr } = await runCli(['echo', '--port', String(port), '--bind', '127.0.0.1', '--workers', '2']);
    expect(status).toBe(1);
    expect(stderr).toMatch(/^rtplat: cannot bind 127\.0\.0\.1:\d+: EADDRINUSE/);
  });

  it('warns where --busy-poll is in vain', async () => {
    const { cli } = await startEcho(['--port', '0', '--engine', 'portable', '--busy-poll']);
    await cli.shows(/Warning: --busy-poll does nothing on the portable engine/);
  });

  it('serves IPv4 and IPv6 unless told otherwise', async () => {
    const { port } = await startEcho(['--port', '0']);
    expect((await roundTrip('127.0.0.1', port, 'four')).text).toBe('four');
    expect((await roundTrip('::1', port, 'six')).text).toBe('six');
  });

  it('writes nothing but JSON lines when asked for JSON, the summary included', async () => {
    const { cli, port } = await startEcho(['--port', '0', '--log-format', 'json', '--status-interval', '20ms']);
    await roundTrip('127.0.0.1', port, 'hello');
    await cli.shows(/1 packets, 5 bytes/);
    cli.signal('SIGTERM');
    const { status, stdout } = await cli.end();
    expect(status).toBe(0);
    const lines = stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(lines[0]).toMatchObject({ level: 'info', port });
    expect(lines.at(-1)).toMatchObject({ message: 'echo stopped', packets: 1, bytes: 5, sent: 1, send_errors: 0, refused: 0 });
    // One status line for the one change, however many intervals have gone by.
    expect(lines.filter(({ message }) => String(message).startsWith('1 packets'))).toHaveLength(1);
  });

  it('counts what it refuses, and says why', async () => {
    const http = ['--http-port', '0', '--status-interval', '20ms'];
    const { cli, port } = await startEcho(['--port', '0', '--bind', '127.0.0.1', ...http]);
    const [, metrics = ''] = await cli.shows(/HTTP on (\S+)/);
    await roundTrip('127.0.0.1', port, 'hello');
    // From its own port: another address of this host may have that, too.
    const socket = createSocket('udp4');
    sockets.push(socket);
    socket.bind(port, '127.0.0.2');
    await once(socket, 'listening');
    socket.send('hello', port, '127.0.0.1');
    await cli.shows(/2 packets, 10 bytes, \d+ packets\/s, not answered: 1 from a port that echoes or servers have/);
    const document = (await (await fetch(metrics)).json()) as Record<string, unknown>;
    expect(document).toMatchObject({ packets: 2, sent: 1, refused: 1, refused_port: 1, refused_loop: 0 });
    const text = await (await fetch(metrics, { headers: { accept: 'text/plain' } })).text();
    expect(text).toContain('rtplat_echo_refused_packets_total{reason="port"} 1');
    cli.signal('SIGINT');
    const { status, stdout } = await cli.end();
    expect(status).toBe(0);
    expect(stdout).toMatch(/not answered\s+│\s+1 \(1 from a port that echoes or servers have\)/);
  });

  it('takes networks and rates from a file, where flags and the environment go before it', async () => {
    const printed = async (env: Readonly<Record<string, string>>, ...args: readonly string[]): Promise<string> => {
      const { status, stdout } = await runCli(['echo', '--print-config', ...args], env);
      expect(status).toBe(0);
      return stdout;
    };
    expect(await printed({ RTPLAT_ALLOW: '10.0.0.0/8, 192.0.2.7' })).toMatch(/^allow = "10\.0\.0\.0\/8, 192\.0\.2\.7"$/m);
    const flags = await printed({ RTPLAT_ALLOW: '10.0.0.0/8' }, '--allow', '192.0.2.7', '--allow', '2001:db8::/32', '--only-allowed');
    expect(flags).toMatch(/^allow = "192\.0\.2\.7, 2001:db8::\/32"$/m);
    expect(flags).toMatch(/^only_allowed = true$/m);
    expect(flags).toMatch(/^source_rate = 5000$/m);
  });

  it('says when the kernel grants less than was asked, and how to raise it', async () => {
    const { cli } = await startEcho(['--port', '0', '--buffer', '512MB']);
    const [line] = await cli.shows(/.*kB receive buffer.*\n/);
    expect(line).toMatch(/the kernel granted \d+ kB of 524288 kB receive buffer.*sysctl -w net\.core\.rmem_max=536870912/);
  });

  it('takes its port from the environment, and the flag before it', async () => {
    const holder = createSocket('udp4');
    sockets.push(holder);
    holder.bind(0, '127.0.0.1');
    await once(holder, 'listening');
    const taken = String(holder.address().port);
    const env = { ECHO_PORT: taken, BIND_IP: '127.0.0.1' };
    const refused = await runCli(['echo'], env);
    expect(refused).toEqual({
      status: 1,
      stdout: '',
      stderr: `rtplat: cannot bind 127.0.0.1:${taken}: EADDRINUSE (address already in use); see who holds it: ss -lunp 'sport = :${taken}'\n`,
    });
    const { port } = await startEcho(['--port', '0'], env);
    expect(String(port)).not.toBe(taken);
  });

  it.each([
    [['--port', '65536'], 'Not a port'],
    [['--bind', 'localhost'], 'Not a numeric IPv4 or IPv6 address'],
    [['--buffer', 'much'], 'Not a size'],
    [['--status-interval', '5 parsecs'], 'Not a duration'],
    [['--log-format', 'xml'], 'Allowed choices are text, json'],
    [['--allow', '10.0.0.0/33'], 'Write addresses or networks'],
    [['--allow', '10.0.0.0/8', '--allow', 'localhost'], 'Write addresses or networks'],
    [['--source-rate', '-1'], 'Not a number from 0'],
    [['--token-file', '/dev/null'], '--token-file /dev/null is empty'],
    [['--token-file', '/nonexistent'], 'cannot read --token-file /nonexistent'],
  ])('refuses %j', async (args, why) => {
    const { status, stdout, stderr } = await runCli(['echo', ...args]);
    expect(status).toBe(2);
    expect(stdout).toBe('');
    expect(stderr).toContain(why);
  });
});
