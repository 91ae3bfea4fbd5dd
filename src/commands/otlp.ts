/** Pushing metrics, where options or a configuration ask for it. */
import { OtlpPusher } from '../core/service/otlp/pusher.ts';
import type { OtlpPusherParts } from '../core/service/otlp/pusher.ts';
import type { OtlpSettings } from '../core/service/otlp/settings.ts';
import { parseOtlpUrl } from '../core/service/otlp/url.ts';
import type { MetricsSection } from '../core/sip-server/config/service.ts';
import { VERSION } from '../version.ts';
import type { OtlpCommandOptions } from './service-options.ts';

/** @param service `sip-serve`, as in `rtplat sip-serve`. @param settings undefined: nothing is pushed. @throws RtplatError `usage` when the file of headers cannot be used. */
export function startOtlp(
  service: string,
  settings: OtlpSettings | undefined,
  parts: Omit<OtlpPusherParts, 'service' | 'settings' | 'version'>,
): OtlpPusher | undefined {
  if (settings === undefined) return undefined;
  const pusher = new OtlpPusher({ ...parts, service, settings, version: VERSION });
  pusher.start();
  return pusher;
}

export function otlpOfOptions({ otlp: url, otlpInterval, otlpHeadersFile: headersFile }: OtlpCommandOptions): OtlpSettings | undefined {
  return url === undefined ? undefined : { url, intervalMs: otlpInterval / 1e6, headersFile };
}

export function otlpOfConfig({ otlp_url: text, otlp_interval_seconds: seconds, ...rest }: MetricsSection): OtlpSettings | undefined {
  const url = text === undefined ? undefined : parseOtlpUrl(text);
  return url === undefined ? undefined : { url, intervalMs: seconds * 1_000, headersFile: rest.otlp_headers_file };
}
