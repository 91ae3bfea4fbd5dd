import { join } from 'node:path';
import { peer } from './peers.ts';
import { run, start, until } from './process.ts';

/** A second network namespace, joined to this one by a pair of virtual Ethernet devices: "another host". */
export interface OtherHost {
  readonly ip: string;
  /** This side's address on the link. */
  readonly ourIp: string;
  /** This side's interface. */
  readonly iface: string;
  /** Put before a command, runs it over there. */
  readonly prefix: readonly string[];
  /** The namespace and its link vanish with it. */
  stop(): Promise<void>;
}

/** Needs the right to make namespaces: run the suite by `scripts/in-netns.sh`. */
export async function otherHost(dir: string): Promise<OtherHost> {
  const ip = peer('ip');
  // The holder reads from nothing and so waits for ever; it ends with the test.
  const holder = start('unshare', ['-n', 'sh', '-c', 'echo ready; exec sleep infinity'], join(dir, 'other-host.log'));
  let over = false;
  void holder.ended.then(() => (over = true));
  await until('another network namespace', () => (over || holder.output().includes('ready') ? true : undefined), { everyMs: 10 });
  if (over) throw new Error(`no second network namespace: ${holder.output().trim()}`);
  const prefix = ['nsenter', '-t', String(holder.pid), '-n'];
  const ours = 'rtplat0';
  const theirs = 'rtplat1';
  const there = (...args: string[]): Promise<string> => run('nsenter', [...prefix.slice(1), ip, ...args]);
  await run(ip, ['link', 'add', ours, 'type', 'veth', 'peer', 'name', theirs, 'netns', String(holder.pid)]);
  await run(ip, ['address', 'add', '10.99.0.1/24', 'dev', ours]);
  await run(ip, ['link', 'set', ours, 'up']);
  await there('link', 'set', 'lo', 'up');
  await there('address', 'add', '10.99.0.2/24', 'dev', theirs);
  await there('link', 'set', theirs, 'up');
  return {
    ip: '10.99.0.2',
    ourIp: '10.99.0.1',
    iface: ours,
    prefix,
    stop: async () => {
      // The kernel takes a dead namespace apart at its leisure: until then the name would be taken.
      await run(ip, ['link', 'delete', ours]);
      await holder.stop(500);
    },
  };
}
