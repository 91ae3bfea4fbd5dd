// Where a run file cannot be written: a full disk, a folder without the right to, a file that is a mount. No Asterisk, but mounts of our own.
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { renderJson } from '../../src/core/report/render/json.ts';
import { makeRun } from '../core/report/make-run.ts';
import { run } from './kit/process.ts';
import { scratchFolder } from './kit/scratch.ts';

const scratch = scratchFolder();
const RTPLAT = new URL('../../bin/rtplat.ts', import.meta.url).pathname;

test.each([
  [
    'a full disk',
    'mount -t tmpfs -o size=64k none "$0" && printf old > "$0/out.json" && { head -c 65536 /dev/zero > "$0/ballast" 2> /dev/null; true; }',
    'no space is left on the device',
  ],
  ['a folder without the right to write', 'printf old > "$0/out.json" && chmod 555 "$0"', 'permission denied'],
  [
    'a file that is a mount',
    'printf old > "$0/out.json" && mount --bind "$0/out.json" "$0/out.json"',
    'it is a mount of its own, which cannot be replaced: mount its directory instead',
  ],
  [
    'a disk that is read-only',
    'printf old > "$0/out.json" && mount --bind "$0" "$0" && mount -o remount,bind,ro "$0"',
    'the file system is read-only',
  ],
])('%s: the old file stays, nothing is left beside it, and the user is told', async (_, prepare, why) => {
  const dir = scratch('run-files');
  const [source, disk] = [join(dir, 'run.json'), join(dir, 'disk')];
  mkdirSync(disk);
  writeFileSync(source, renderJson(makeRun()));
  // Without the rights that root has over every file.
  const report = 'setpriv --inh-caps=-all --bounding-set=-all "$1" "$2" report "$3" --out "$0/out.json"';
  const look = 'echo "status $?"; cat "$0/out.json"; echo; ls -A "$0"; chmod 755 "$0" 2> /dev/null; true';
  const script = `${prepare} && { ${report} 2>&1 > /dev/null; ${look}; }`;
  const said = await run('unshare', ['-m', 'sh', '-c', script, disk, process.execPath, RTPLAT, source], { timeoutMs: 120_000 });
  const at = said.indexOf('status ');
  expect(said.slice(0, at)).toContain(`cannot write ${disk}/out.json: ${why}`);
  const [status, old, ...names] = said.slice(at).trim().split('\n');
  expect([status, old, names.filter((name) => name !== 'ballast')]).toEqual(['status 1', 'old', ['out.json']]);
  expect(readdirSync(dir).toSorted()).toEqual(['disk', 'run.json']);
  expect(readFileSync(source, 'utf8')).toContain('rtplat.run');
});
