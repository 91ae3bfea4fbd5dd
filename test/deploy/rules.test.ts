/** The rules and the dashboard against what the services export; a real Prometheus runs them in test/asterisk/watching. */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { anchorOf, readPage, ROOT } from '../docs/markdown.ts';
import { readText, readYaml } from './yaml.ts';

interface Rule {
  readonly record?: string;
  readonly alert?: string;
  readonly expr: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
}

interface RuleTests {
  readonly tests: readonly {
    readonly promql_expr_test: readonly { readonly expr: string; readonly exp_samples: readonly { readonly labels: string }[] }[];
  }[];
}

interface Dashboard {
  readonly panels: readonly {
    readonly id: number;
    readonly type: string;
    readonly title: string;
    readonly datasource?: { readonly uid: string };
    readonly gridPos: { readonly x: number; readonly y: number; readonly w: number; readonly h: number };
    readonly targets?: readonly { readonly expr: string; readonly datasource: { readonly uid: string } }[];
  }[];
}

const rules = (
  readYaml('deploy/prometheus/rules.yml') as { readonly groups: readonly { readonly rules: readonly Rule[] }[] }
).groups.flatMap((group) => group.rules);
const alerts = rules.filter(({ alert }) => alert !== undefined);
const { panels } = JSON.parse(readText('deploy/grafana/rtplat.json')) as Dashboard;
const queries = panels.flatMap(({ targets = [] }) => targets.map(({ expr }) => expr));

/** Families as the sources name them: `families.gauge('ports', …)`, `['lost', 'lost_packets', …]`. */
const sources = ['src/core/report/render/prometheus.ts', 'src/core/sip-server/metrics-families.ts'].map(readText).join('\n');

function exists(metric: string): boolean {
  const family = metric.replace(/^rtplat_/, '').replace(/_(total|bucket|count|sum|info)$/, '');
  return sources.includes(`'${family}'`);
}

test.each([...rules.map(({ expr }) => expr), ...queries])('every metric of the query is exported: %s', (expression) => {
  const recorded = new Set(rules.map(({ record }) => record));
  for (const [name] of expression.matchAll(/\b(?:instance|job):rtplat_\w+:\w+/g)) expect(recorded).toContain(name);
  for (const [name] of expression.matchAll(/(?<![:\w])rtplat_\w+/g)) expect(exists(name), name).toBe(true);
});

describe.each(alerts.map((rule) => [rule.alert ?? '', rule] as const))('%s', (alert, { labels, annotations }) => {
  test('says what it is, and links what to do', () => {
    expect(labels?.['severity']).toMatch(/^(critical|warning)$/);
    expect(Object.keys(annotations ?? {})).toEqual(['summary', 'description', 'runbook']);
    const [page = '', anchor] = annotations?.['runbook']?.split('#') ?? [];
    expect(readPage(page).headings.map(anchorOf)).toContain(anchor);
    expect(anchor).toBe(alert.toLowerCase());
  });

  test('is seen to fire and to resolve', () => {
    const { tests } = readYaml('deploy/prometheus/rules.test.yml') as RuleTests;
    const own = tests.filter(({ promql_expr_test: checks }) =>
      checks.some(({ exp_samples: found }) => found.some(({ labels: text }) => text.includes(`alertname="${alert}"`))),
    );
    expect(own.length).toBeGreaterThan(0);
    for (const { promql_expr_test: checks } of own) {
      expect(checks.map(({ exp_samples: found }) => found.length)).toEqual([1, 0]);
      expect(new Set(checks.map(({ expr }) => expr))).toEqual(new Set(['ALERTS{alertstate="firing"}']));
    }
  });
});

describe('the dashboard', () => {
  test('asks the data source that is chosen', () => {
    for (const panel of panels.filter(({ type }) => type !== 'row')) {
      expect(panel.targets?.length, panel.title).toBeGreaterThan(0);
      for (const source of [panel.datasource, ...(panel.targets ?? []).map(({ datasource }) => datasource)])
        expect(source?.uid).toBe('${datasource}');
    }
  });

  test('lets job and instance be chosen in every query', () => {
    for (const expression of queries) expect(expression).toContain('job=~"$job", instance=~"$instance"');
  });

  test('has no two panels in one place', () => {
    expect(new Set(panels.map(({ id }) => id)).size).toBe(panels.length);
    const cells = panels.flatMap(({ gridPos: { x, y, w, h } }) =>
      Array.from({ length: w * h }, (_, i) => `${x + (i % w)} ${y + Math.floor(i / w)}`),
    );
    expect(new Set(cells).size).toBe(cells.length);
    for (const { gridPos } of panels) expect(gridPos.x + gridPos.w).toBeLessThanOrEqual(24);
  });
});

test('what Grafana is given is all there', () => {
  expect(readdirSync(join(ROOT, 'compose/grafana')).toSorted()).toEqual(['dashboards.yml', 'datasource.yml']);
  for (const file of ['datasource', 'dashboards']) expect(readYaml(`compose/grafana/${file}.yml`)).toMatchObject({ apiVersion: 1 });
});
