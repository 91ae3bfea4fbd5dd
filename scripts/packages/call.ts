/** `call.ts PORT`: calls the SIP server on 127.0.0.1, says when the call is up, and waits until the server hangs up. */
import { UdpCaller } from '../../test/kit/udp-caller.ts';

const caller = await UdpCaller.open(Number(process.argv[2]));
try {
  const call = await caller.call('echo');
  if (typeof call === 'string') throw new Error(`the call was refused: ${call}`);
  process.stdout.write('up\n');
  const since = performance.now();
  await call.hungUp();
  process.stdout.write(`BYE after ${((performance.now() - since) / 1000).toFixed(1)} s\n`);
} finally {
  caller.close();
}
