import { describeProblem } from '../../../src/core/service/config/problem.ts';
import { printConfig } from '../../../src/core/service/config/print.ts';
import { readConfig } from '../../../src/core/service/config/read.ts';
import type { ConfigSchema } from '../../../src/core/service/config/schema.ts';
import { MONITOR_SCHEMA } from '../../../src/core/monitor/config.ts';
import { readThresholds } from '../../../src/core/report/gate/thresholds.ts';
import { SIP_SERVE_SCHEMA } from '../../../src/core/sip-server/config.ts';
import { bytesOf, must, mustBeOneCleanLine, mustEqual, textOf } from '../target.ts';
import type { FuzzTarget } from '../target.ts';

export const target: FuzzTarget = {
  name: 'config',
  what: 'TOML of sip-serve, monitor and report: printed and read again it is the same, or each problem is one clean line with its place',
  code: [
    'service/config/',
    'sip-server/config/',
    'sip-server/config.ts',
    'monitor/config/',
    'monitor/config.ts',
    'report/gate/thresholds.ts',
  ],
  mostBytes: 1_500,
  inputs: 50_000,
  seeds: () =>
    bytesOf(
      '',
      printConfig(SIP_SERVE_SCHEMA, readConfig('', 'x', SIP_SERVE_SCHEMA).config as never).slice(0, 1_400),
      '[sip]\nport = 5060\ntransports = ["udp", "tcp"]\n[media]\nport_range = "10000-10100"\npreferred_codecs = ["PCMA"]\n[[route]]\nmatch = "6??"\n',
      '[[register]]\nregistrar = "sip:pbx.example.org"\nusername = "600"\npassword_env = "E"\n[sip]\ntls.self_signed = true\n',
      '[[service]]\nname = "echo"\nkind = "echo"\ncommand = ["rtplat", "echo"]\nport = 4000\n[monitor]\ninterval = "5s"\n',
      'bounds = ["p99<20ms", "packet_loss_ratio<0.2%", "call:p95<30ms"]\n',
      'a = """\nx\n"""\nb = \'\'\'y\'\'\'\nc = 1979-05-27T07:32:00Z\nd = { e = [1, 2.5e3, inf, nan, 0x1F], f = "\\u00e9" }\n"g h".i = true\n',
    ),
  check(input) {
    const text = textOf(input);
    check(text, SIP_SERVE_SCHEMA);
    check(text, MONITOR_SCHEMA);
    const { bounds, problems } = readThresholds(text, 'x.toml');
    must(problems.length > 0 || bounds.length > 0, 'neither bounds nor problems');
    for (const problem of problems) mustBeOneCleanLine(describeProblem(problem), 'a problem');
  },
};

function check<T>(text: string, schema: ConfigSchema<T>): void {
  const { config, problems, warnings } = readConfig(text, 'x.toml', schema);
  must(config !== undefined || problems.length > 0, 'neither a configuration nor a problem');
  const lines = text.split('\n').length;
  for (const problem of [...problems, ...warnings]) {
    mustBeOneCleanLine(describeProblem(problem), 'a problem');
    must(problem.line === undefined || (problem.line >= 1 && problem.line <= lines), 'a problem in line', problem.line, lines);
  }
  if (config === undefined) return;
  const printed = printConfig(schema, config);
  const again = readConfig(printed, 'y.toml', schema);
  // Secrets are not printed, so that what needs them may miss them.
  if (again.config === undefined)
    must(
      again.problems.every(({ message }) => /secret|password|token|user/i.test(message)),
      'what is printed cannot be read:',
      again.problems[0],
    );
  else mustEqual(printConfig(schema, again.config), printed, 'printed and read again');
}
