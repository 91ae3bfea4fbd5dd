/** The engines that can be asked for. */
import type { EngineName } from './engine.ts';

export type EngineChoice = 'auto' | EngineName;

export const ENGINE_CHOICES: readonly EngineChoice[] = ['auto', 'batch', 'portable'];
