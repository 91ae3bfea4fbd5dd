/**
 * Writes until it is killed: `node crash-writer.ts FOLDER` a recording after the other, `node crash-writer.ts FOLDER FILE` what is in
 * FILE under two names. Says `ready` each time that it has written everything once.
 *
 * With a number behind FILE it writes once, and kills itself at the so-manieth thing that it asks of the file system.
 */
import fs from 'node:fs/promises';
import { syncBuiltinESMExports } from 'node:module';
import { join } from 'node:path';

const [folder = '', source, at] = process.argv.slice(2);

/** Calls of the file system until the end; -1 for no end. */
let left = at === undefined ? -1 : Number(at);

function counted<A extends unknown[], R>(call: (...args: A) => R): (this: unknown, ...args: A) => R {
  return function (this: unknown, ...args: A): R {
    left -= 1;
    if (left === 0) process.kill(process.pid, 'SIGKILL');
    return call.apply(this, args);
  };
}

async function dieInTime(): Promise<void> {
  const handle = await fs.open(folder, 'r');
  const files = Object.getPrototypeOf(handle) as Record<string, (...args: unknown[]) => unknown>;
  await handle.close();
  for (const name of ['writeFile', 'sync', 'chmod', 'stat', 'close']) files[name] = counted(files[name]!);
  const calls = fs as unknown as Record<string, (...args: unknown[]) => unknown>;
  for (const name of ['open', 'rename', 'rm', 'stat', 'readdir', 'realpath']) calls[name] = counted(calls[name]!);
  syncBuiltinESMExports();
}

async function writeRuns(text: string): Promise<void> {
  const { writeAtomically } = await import('../../../src/core/report/files.ts');
  if (left >= 0) {
    await dieInTime();
    return writeAtomically(join(folder, 'a.json'), text);
  }
  for (;;) {
    for (const name of ['a.json', 'b.json']) await writeAtomically(join(folder, name), text);
    process.stdout.write('ready\n');
  }
}

async function writeRecordings(): Promise<void> {
  const { Recorder, Recording } = await import('../../../src/core/media/recorder.ts');
  const recorder = new Recorder();
  const quiet = (): void => {};
  for (let number = 0; ; number++) {
    const file = join(folder, `${process.pid}-${number}.wav`);
    const recording = new Recording({ recorder, file, rateHz: 8_000, settled: quiet, failed: quiet, ended: quiet });
    recording.begin();
    for (let packet = 0; packet < 50; packet++) recording.write(packet * 160, new Int16Array(160).fill(packet + 1));
    await recording.end();
    process.stdout.write('ready\n');
  }
}

await (source === undefined ? writeRecordings() : writeRuns(await fs.readFile(source, 'utf8')));
