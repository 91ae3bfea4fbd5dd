/** A thread that echoes: its event loop is nobody else's. Tells its port. */
import { createSocket } from 'node:dgram';
import type { MessagePort } from 'node:worker_threads';
import { parentPort } from 'node:worker_threads';

const socket = createSocket('udp4');
socket.on('message', (message, from) => socket.send(message, from.port, from.address));
socket.bind(0, '127.0.0.1', () => (parentPort as MessagePort).postMessage(socket.address().port, []));
