import { ALL_VARIANTS, maskOf, type VariantMask } from '../kernel/variants.js';
import { type KernelInfo, releaseNumber } from './kernel-info.js';

/**
 * Kernel variants that a release and configuration leave possible. Distributions backport: where the configuration
 * has CONFIG_PT_RECLAIM at all, the kernel is at least of the series that brought it, whatever its release says.
 * Source: `src/kernel/variants.ts`.
 */
export function variantsOf(kernel: KernelInfo): VariantMask {
  const release = releaseNumber(kernel.release);
  if (!release) return ALL_VARIANTS;
  const config = (name: string): string | undefined => kernel.config?.get(name);
  const number = release[0] * 1000 + release[1];
  const reclaim = config('CONFIG_PT_RECLAIM');
  const choose = (yes: VariantMask, no: VariantMask): VariantMask =>
    reclaim === 'y' ? yes : kernel.config ? no : yes | no;
  if (number < 6014) {
    if (reclaim !== undefined) return choose(maskOf('B', 'C', 'D'), maskOf('Bn', 'Cn', 'Dn'));
    const paravirt = config('CONFIG_PARAVIRT');
    if (paravirt === 'y') return maskOf('A1', 'A2');
    return kernel.config ? maskOf('A0') : maskOf('A0', 'A1', 'A2');
  }
  if (number === 6014) return choose(maskOf('C'), maskOf('Cn'));
  // linux-next carries the number of the release before it.
  if (number < 7001) return choose(maskOf('D', 'F'), maskOf('Dn', 'Fn'));
  return choose(maskOf('E', 'F'), maskOf('En', 'Fn'));
}
