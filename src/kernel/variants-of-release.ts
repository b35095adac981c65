import { olderThan, parseRelease, type Release } from './releases.js';
import { ALL_VARIANTS, maskWhere, VARIANTS, type Variant, type VariantMask } from './variants.js';

/** What names a kernel: `uname -r`, and the options it was built with where they are known. */
export interface KernelIdentity {
  readonly release: string;
  readonly config: ReadonlyMap<string, string> | null;
}

/**
 * Kernel variants that a release and configuration leave possible. Distributions backport: where the configuration
 * has CONFIG_PT_RECLAIM at all, the kernel is at least of the series that brought it, whatever its release says.
 * Source: `src/kernel/variant-rows.ts`.
 */
export function variantsOf(kernel: KernelIdentity): VariantMask {
  const release = parseRelease(kernel.release);
  if (!release) return ALL_VARIANTS;
  const backported =
    kernel.config?.get('CONFIG_PT_RECLAIM') !== undefined &&
    VARIANTS.some((v) => v.config.PT_RECLAIM === null && hasRelease(v, release));
  return maskWhere((v) => (backported ? v.backported : hasRelease(v, release)) && hasConfig(v, kernel));
}

/** First release that may have rows marked `unreleased`: 7.3.4 has not ("mm: skip redundant sync IPIs", variants F). */
const UNRELEASED_UP_TO = '7.4';
/** PT_RECLAIM is `def_bool y` on x86-64 from there on (mm/Kconfig). */
const ALWAYS_RECLAIMS = '7.0';
const UNRELEASED = maskWhere((v) => v.unreleased);
const WITHOUT_RECLAIM = maskWhere((v) => v.config.PT_RECLAIM === 'n');

/** `variantsOf`, of a recorded kernel: without what no release of that number has. `release` '' is unknown. */
export function releasedVariantsOf(kernel: KernelIdentity): VariantMask {
  const mask = variantsOf(kernel);
  const release = parseRelease(kernel.release);
  if (!release || release.next) return mask;
  const released = olderThan(release, UNRELEASED_UP_TO) ? mask & ~UNRELEASED : mask;
  return olderThan(release, ALWAYS_RECLAIMS) ? released : released & ~WITHOUT_RECLAIM;
}

function hasRelease({ releases }: Variant, release: Release): boolean {
  if (!releases) return false;
  if (releases.from !== undefined && olderThan(release, releases.from)) return false;
  return releases.below === undefined || olderThan(release, releases.below);
}

function hasConfig({ config }: Variant, kernel: KernelIdentity): boolean {
  if (!kernel.config) return true;
  const isOn = (option: string): boolean => kernel.config?.get(option) === 'y';
  if (config.PT_RECLAIM !== null && (config.PT_RECLAIM === 'y') !== isOn('CONFIG_PT_RECLAIM')) return false;
  return config.PARAVIRT === undefined || (config.PARAVIRT === 'y') === isOn('CONFIG_PARAVIRT');
}
