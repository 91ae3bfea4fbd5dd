/** What the keys of `monitor` demand of each other, across tables. */
import type { Report } from '../../service/config/schema.ts';
import type { MonitorConfig } from '../config.ts';
import type { ServiceTable } from './services.ts';

/** What two services cannot have both. */
const OWN = ['name', 'systemd_unit', 'pid_file'] as const satisfies readonly (keyof ServiceTable)[];

export function checkMonitor({ service, webhook }: MonitorConfig, report: Report): void {
  for (const name of OWN) {
    const seen = new Map<string, number>();
    for (const [index, { [name]: value }] of service.entries()) {
      if (value === undefined) continue;
      const earlier = seen.get(value);
      if (earlier === undefined) seen.set(value, index);
      else {
        const paths = [
          ['service', index, name],
          ['service', earlier, name],
        ] as const;
        report.problem(paths, `two services have the ${name} "${value}"`, 'give one of them another');
      }
    }
  }
  if (webhook.token_file !== undefined && webhook.url === undefined) {
    report.problem(
      [
        ['webhook', 'token_file'],
        ['webhook', 'url'],
      ],
      'the token is of a webhook, and there is none',
      'set webhook.url',
    );
  }
}
