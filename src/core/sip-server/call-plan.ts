/** What a call gets, by the number that was called: the first `[[route]]` that matches, else `[behavior]`. */
import type { ActionName, BehaviorSection, RouteRule } from './config/calls.ts';
import { compileUserPattern } from './user-pattern.ts';
import type { UserPattern } from './user-pattern.ts';

export type CallAction =
  | ToneAction
  | { readonly kind: 'echo' | 'relay' | 'silence' | 'busy' }
  | { readonly kind: 'record'; readonly directory: string }
  | { readonly kind: 'play'; readonly file: string; readonly repeat: boolean }
  /** `reason` is undefined for the usual phrase of the status. */
  | { readonly kind: 'reject'; readonly status: number; readonly reason: string | undefined };

export interface ToneAction {
  readonly kind: 'tone';
  /** They sound together. */
  readonly frequenciesHz: readonly number[];
  /** On, off, on, off, …, over and over; empty for a tone without pauses. */
  readonly cadenceMs: readonly number[];
  /** Fraction of full scale, of all frequencies together. */
  readonly amplitude: number;
  /** Infinity: as long as the call. */
  readonly durationMs: number;
}

export interface CallPlan {
  readonly action: CallAction;
  /** From 180 to 200; undefined when the call is not answered and rings out. */
  readonly answerDelayMs: number | undefined;
  /** The pattern that decided; undefined when none did. */
  readonly match: string | undefined;
}

export interface CallRules {
  readonly behavior: BehaviorSection;
  readonly route: readonly RouteRule[];
}

export class CallPlanner {
  readonly #rules: readonly { readonly pattern: UserPattern; readonly plan: CallPlan }[];
  readonly #otherwise: CallPlan;

  /** @param rules that were checked: a pattern that cannot be read never matches. */
  constructor({ behavior, route }: CallRules) {
    this.#rules = route.flatMap((rule) => {
      const compiled = compileUserPattern(rule.match);
      return 'pattern' in compiled ? [{ pattern: compiled.pattern, plan: planOf(rule, behavior) }] : [];
    });
    this.#otherwise = { action: actionOf(behavior.mode, {}, behavior), answerDelayMs: usualDelay(behavior), match: undefined };
  }

  /** @param user the user part of the Request-URI, unescaped; empty when it has none. */
  planFor(user: string): CallPlan {
    return this.#rules.find(({ pattern }) => pattern.matches(user))?.plan ?? this.#otherwise;
  }
}

function planOf(rule: RouteRule, behavior: BehaviorSection): CallPlan {
  const answerDelayMs = rule.answer_delay_ms ?? usualDelay(behavior);
  return { action: actionOf(rule.action, rule, behavior), answerDelayMs, match: rule.match };
}

function usualDelay(behavior: BehaviorSection): number | undefined {
  return behavior.auto_answer ? behavior.auto_answer_delay_ms : undefined;
}

function actionOf(kind: ActionName, rule: Partial<RouteRule>, behavior: BehaviorSection): CallAction {
  switch (kind) {
    case 'tone': {
      const seconds = rule.duration_seconds ?? behavior.tone_duration_seconds;
      return {
        kind,
        frequenciesHz: rule.tones ?? [rule.frequency ?? behavior.tone_frequency],
        cadenceMs: rule.cadence_ms ?? [],
        amplitude: rule.amplitude ?? behavior.tone_amplitude,
        durationMs: seconds === 0 ? Number.POSITIVE_INFINITY : seconds * 1_000,
      };
    }
    case 'play':
      return { kind, file: rule.file ?? behavior.play_file ?? '', repeat: rule.repeat ?? false };
    case 'record':
      return { kind, directory: rule.directory ?? behavior.record_directory };
    case 'reject':
      return { kind, status: rule.status ?? behavior.reject_status, reason: rule.reason };
    default:
      return { kind };
  }
}
