/**
 * The file that tells other programs the process id of a service, and that keeps a second one from being started beside it.
 *
 * The file is held by `flock`, where the C library can be reached; the kernel lets go of it when the process ends, however it ends.
 * Elsewhere the process that it names is looked for; a process that began after the file was written is another one with the same
 * number.
 */
import { closeSync, constants, fstatSync, ftruncateSync, openSync, readFileSync, statSync, unlinkSync, writeSync } from 'node:fs';
import { errnoOf, messageOf, RtplatError } from '../errors.ts';
import { loadLibc } from '../udp/batch/libc.ts';
import { processStartedMs } from './process-start.ts';

export interface PidFile {
  readonly path: string;
  /** Takes the file away and lets go of it. */
  release(): void;
}

/** Readable for all: whoever watches the service has other rights than the service. */
const MODE = 0o644;
/** Longer than any process id. */
const MOST_BYTES = 32;
const LOCK_EX = 2;
const LOCK_NB = 4;
/** A file system keeps times in whole ticks of the kernel; so much later a process began for certain after the file was written. */
const TICK_MS = 1_000;

/** @throws RtplatError `running` when a service that is up holds it, `file` when it cannot be written. */
export function takePidFile(path: string, pid: number = process.pid): PidFile {
  const fd = open(path);
  try {
    const holder = readPid(path);
    const locked = lock(fd);
    if (locked === false || (locked === undefined && holder !== undefined && holder !== pid && isSame(holder, fstatSync(fd).mtimeMs))) {
      throw new RtplatError('running', `${path} is held by process ${holder ?? 'unknown'}, which is up`, {
        hint: 'stop that one first, or name another --pid-file',
      });
    }
    // Whoever stopped meanwhile may have taken the name away: then what we hold is a file that nobody finds.
    if (!isStillThere(path, fd)) {
      closeSync(fd);
      return takePidFile(path, pid);
    }
    ftruncateSync(fd, 0);
    writeSync(fd, `${pid}\n`, 0);
  } catch (error) {
    closeSync(fd);
    throw error;
  }
  let held = true;
  return {
    path,
    release: () => {
      if (!held) return;
      held = false;
      // While it is still ours: whoever waits for it makes a new one.
      if (isStillThere(path, fd)) unlinkSync(path);
      closeSync(fd);
    },
  };
}

/** @returns the process id in the file; undefined when there is no file, or none in it. */
export function readPid(path: string): number | undefined {
  let text: string;
  try {
    text = readFileSync(path, 'latin1');
  } catch {
    return undefined;
  }
  const pid = Number(text.slice(0, MOST_BYTES).trim());
  return Number.isInteger(pid) && pid > 0 ? pid : undefined;
}

function open(path: string): number {
  try {
    return openSync(path, constants.O_RDWR | constants.O_CREAT, MODE);
  } catch (error) {
    throw new RtplatError('file', `cannot write --pid-file ${path}: ${messageOf(error)}`, { cause: error });
  }
}

/** @returns false when another process holds it; undefined where locks cannot be had. */
function lock(fd: number): boolean | undefined {
  try {
    return loadLibc().flock(fd, LOCK_EX | LOCK_NB) === 0;
  } catch {
    return undefined;
  }
}

/** Whether process `pid` is up and was when the file was written. */
function isSame(pid: number, writtenMs: number): boolean {
  try {
    process.kill(pid, 0);
  } catch (error) {
    return errnoOf(error) === 'EPERM';
  }
  const startedMs = processStartedMs(pid);
  return startedMs === undefined || startedMs <= writtenMs + TICK_MS;
}

function isStillThere(path: string, fd: number): boolean {
  try {
    const there = statSync(path);
    const ours = fstatSync(fd);
    return there.ino === ours.ino && there.dev === ours.dev;
  } catch {
    return false;
  }
}
