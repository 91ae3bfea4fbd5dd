/** What one Asterisk of the suites is made of. */
export interface AsteriskConfig {
  /** Folder that holds everything it writes. */
  readonly dir: string;
  /** Folder of the modules, of this Asterisk's release. */
  readonly moduleDir: string;
  /** Names of the modules that are there, without `.so`. */
  readonly available: ReadonlySet<string>;
  /** Folder with `documentation/` and `rest-api/`. */
  readonly dataDir: string;
  readonly bindIp: string;
  readonly httpPort: number;
  readonly sipPort: number;
  readonly password: string;
  readonly app: string;
  /** Asterisk's own RTP ports, inclusive; `null` leaves the range out of rtp.conf. */
  readonly rtpRange: { readonly first: number; readonly last: number } | null;
  readonly sessionLimit: number;
  /** Without func_config, nobody can read rtp.conf over ARI. */
  readonly funcConfig: boolean;
  readonly more: AsteriskAdditions;
}

/** What a suite adds to an Asterisk. */
export interface AsteriskAdditions {
  /** Names without `.so`. */
  readonly modules?: readonly string[];
  /** Sections behind those of pjsip.conf, and contexts behind those of extensions.conf. */
  readonly pjsip?: string;
  readonly extensions?: string;
  /** Lines of [general] in rtp.conf. */
  readonly rtp?: string;
}

// chan_rtp wants res_rtp_multicast, chan_pjsip wants res_pjsip_pubsub, and res_ari of 22 wants res_websocket_client (which 16
// does not have); nothing says so.
const MODULES = `
res_http_websocket res_websocket_client res_timing_timerfd res_sorcery_config res_sorcery_memory res_sorcery_astdb
res_rtp_asterisk res_rtp_multicast chan_rtp codec_ulaw codec_alaw codec_a_mu codec_resample
bridge_simple bridge_native_rtp bridge_softmix bridge_holding
res_stasis res_stasis_answer res_stasis_playback res_stasis_recording res_stasis_snoop res_stasis_device_state
res_ari res_ari_model res_ari_applications res_ari_asterisk res_ari_bridges res_ari_channels res_ari_endpoints res_ari_events
res_pjproject res_pjsip res_pjsip_session res_pjsip_pubsub res_pjsip_sdp_rtp res_pjsip_caller_id res_pjsip_nat
res_pjsip_endpoint_identifier_ip res_pjsip_endpoint_identifier_user res_pjsip_endpoint_identifier_anonymous res_pjsip_rfc3326
chan_pjsip pbx_config app_stasis app_echo app_playtones app_dial func_channel func_logic func_callerid
`;

/** The configuration files, by name. */
export function configFiles(config: AsteriskConfig): ReadonlyMap<string, string> {
  const { dir } = config;
  const modules = MODULES.trim()
    .split(/\s+/)
    .filter((name) => config.available.has(name));
  if (config.funcConfig) modules.push('func_config');
  modules.push(...(config.more.modules ?? []));
  return new Map([
    [
      'asterisk.conf',
      `[directories]
astetcdir => ${dir}/etc
astmoddir => ${config.moduleDir}
astvarlibdir => ${dir}/lib
astdbdir => ${dir}/lib
astkeydir => ${dir}/lib
astdatadir => ${config.dataDir}
astagidir => ${dir}/lib
astspooldir => ${dir}/spool
astrundir => ${dir}/run
astlogdir => ${dir}/log
astsbindir => ${dir}
[options]
verbose = 3
entityid = 02:00:00:00:00:01
`,
    ],
    ['modules.conf', `[modules]\nautoload = no\n${modules.map((name) => `load = ${name}.so`).join('\n')}\n`],
    ['cdr.conf', '[general]\nenable = no\n'],
    ['logger.conf', '[general]\n[logfiles]\nfull => notice,warning,error,verbose\n'],
    [
      'http.conf',
      `[general]
enabled = yes
bindaddr = ${config.bindIp}
bindport = ${config.httpPort}
sessionlimit = ${config.sessionLimit}
`,
    ],
    [
      'ari.conf',
      `[general]
enabled = yes
[rtplat]
type = user
read_only = no
password = ${config.password}
`,
    ],
    [
      'rtp.conf',
      `[general]\n${config.rtpRange === null ? '' : `rtpstart = ${config.rtpRange.first}\nrtpend = ${config.rtpRange.last}\n`}${config.more.rtp ?? ''}\n`,
    ],
    // 100rel and timers off: SIPp's scenarios speak neither. direct_media off: every packet passes through Asterisk.
    [
      'pjsip.conf',
      `[global]
type = global
[udp]
type = transport
protocol = udp
bind = ${config.bindIp}:${config.sipPort}
[anonymous]
type = endpoint
context = callers
disallow = all
allow = ulaw,alaw
direct_media = no
100rel = no
timers = no
${config.more.pjsip ?? ''}`,
    ],
    [
      'extensions.conf',
      `[callers]
exten = 600,1,Stasis(${config.app},from-dialplan)
 same = n,Hangup()
exten = 601,1,Answer()
 same = n,Echo()
exten = 602,1,Answer()
 same = n,Playtones(!425/1000,!0/50)
 same = n,Wait(3600)
${config.more.extensions ?? ''}`,
    ],
  ]);
}
