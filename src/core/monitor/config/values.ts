/** Types of values that only this configuration has. */
import { text } from '../../service/config/value-types.ts';
import type { ValueType } from '../../service/config/schema.ts';

export const httpUrl: ValueType<string> = text({ what: 'an http:// or https:// URL', most: 2_048, fault: urlFault });

/** It names files, and is a label of metrics. */
export const serviceName: ValueType<string> = text({
  what: 'a name of letters, digits, ".", "_" and "-"',
  most: 64,
  fault: (name) => (name.startsWith('.') || !hasOnlyNameCharacters(name) ? 'such as "echo" or "sip-serve.2"' : undefined),
});

export const unitName: ValueType<string> = text({
  what: 'the name of a systemd unit',
  most: 255,
  fault: (name) => (name.startsWith('-') || name.includes(' ') || name.includes('/') ? 'such as "rtplat-echo.service"' : undefined),
});

export const environmentEntry: ValueType<string> = text({
  what: 'NAME=VALUE',
  most: 32_768,
  fault: (entry) => (entry.indexOf('=') > 0 ? undefined : 'such as "ECHO_PORT=4000"'),
});

function urlFault(url: string): string | undefined {
  const parsed = URL.parse(url);
  if (parsed === null || (parsed.protocol !== 'http:' && parsed.protocol !== 'https:')) return 'such as "http://127.0.0.1:9090/health"';
  // It is written into log lines.
  return parsed.username === '' && parsed.password === '' ? undefined : 'without a user and a password';
}

function hasOnlyNameCharacters(name: string): boolean {
  for (let i = 0; i < name.length; i++) if (!isNameCharacter(name.charAt(i))) return false;
  return true;
}

function isNameCharacter(c: string): boolean {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c === '.' || c === '_' || c === '-';
}
