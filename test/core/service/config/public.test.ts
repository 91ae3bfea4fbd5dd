import { expect, test } from 'vitest';
import { publicConfig } from '../../../../src/core/service/config/public.ts';
import { readConfig } from '../../../../src/core/service/config/read.ts';
import { SIP_SERVE_SCHEMA } from '../../../../src/core/sip-server/config.ts';

test('everything that is set but for the secrets, in lists too', () => {
  const account = '[[register]]\nregistrar = "sip:pbx.example.org"\nusername = "600"\n';
  const text = `[sip]\nport = 5080\n${account}password = "hidden"\n${account.replace('600', '601')}password_env = "PBX_PASSWORD"\n`;
  const { config } = readConfig(text, 'test', SIP_SERVE_SCHEMA);
  if (config === undefined) throw new Error('not read');
  const shown = publicConfig(SIP_SERVE_SCHEMA, config);
  expect(shown).toMatchObject({
    sip: { port: 5080, tls: { self_signed: false } },
    register: [{ username: '600' }, { username: '601', password_env: 'PBX_PASSWORD' }],
  });
  expect(JSON.stringify(shown)).not.toContain('hidden');
  expect(shown['sip']).not.toHaveProperty('external_address');
});
