import type { BuildPlan, EnvironmentKey } from '../core/artifacts.ts';
import { canonical, type Json, sha256 } from '../core/canonical.ts';

/** 32 hex. Labels name the build and are left out; all else of the plan defines the environment (DESIGN 3). */
export function environmentKey(plan: BuildPlan): EnvironmentKey {
  const { labels: _, ...defining } = plan;
  return sha256(canonical(defining as Json)).slice(0, 32);
}
