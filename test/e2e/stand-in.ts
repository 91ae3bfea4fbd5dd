/**
 * A service for the monitor to watch: `stand-in.ts PORT` answers `GET /health` as an rtplat service does, until `GET /become/MODE` makes
 * it answer otherwise. Each process of it begins well.
 */
import { createServer } from 'node:http';
import type { ServerResponse } from 'node:http';

const ANSWERS: Readonly<Record<string, (response: ServerResponse) => void>> = {
  healthy: (response) => void response.writeHead(200).end('{"status":"healthy","reason":null}'),
  unhealthy: (response) => void response.writeHead(503).end('{"status":"unhealthy","reason":"no Asterisk"}'),
  broken: (response) => void response.writeHead(500).end('oops'),
  foreign: (response) => void response.writeHead(200).end('<html>It works!</html>'),
  silent: () => {},
  endless: (response) => {
    response.writeHead(200).write('{"status":');
  },
};

const BECOME = '/become/';
let mode = 'healthy';

createServer((request, response) => {
  const url = request.url ?? '';
  if (url.startsWith(BECOME)) {
    mode = url.slice(BECOME.length);
    response.end();
  } else ANSWERS[mode]?.(response);
}).listen(Number(process.argv[2]), '127.0.0.1');
