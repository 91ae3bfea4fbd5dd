/** Whom an HTTP service answers: keys of every configuration that has one. */
import { hostName } from '../../values/header-text.ts';
import { key, optionalKey } from './schema.ts';
import type { Fields } from './schema.ts';
import { listOf, text, yesOrNo } from './value-types.ts';

interface HttpAccessKeys {
  readonly token_file?: string;
  readonly open: boolean;
  readonly hosts: readonly string[];
}

const name = text({
  what: 'the name of a host',
  most: 253,
  fault: (value) => (hostName(value) === undefined ? 'such as "rtplat.example.org", without a port; addresses need no mention' : undefined),
});

export const HTTP_ACCESS: Fields<HttpAccessKeys> = {
  token_file: optionalKey(text({ what: 'a file name' }), {
    example: '/etc/rtplat/http.token',
    doc: 'File whose first line requests must have as Authorization: Bearer, or credential:NAME of systemd; else $RTPLAT_HTTP_TOKEN.',
  }),
  open: key(yesOrNo, { default: false, doc: 'Serve other hosts without a token: for where a firewall keeps strangers out.' }),
  hosts: key(listOf(name, 0, 64, 'distinct'), { default: [], doc: 'Names that it is asked under besides localhost and addresses.' }),
};
