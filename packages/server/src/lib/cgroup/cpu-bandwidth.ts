/**
 * POLICY: quota and period for a share of processor time. The period is AWS's 20 ms, short enough that a small function
 * is not stalled noticeably; the kernel takes no quota under 1 ms, so very small shares get a longer period instead.
 */
export const cpuBandwidth = (cpus: number): { readonly quotaMicros: number; readonly periodMicros: number } => {
  const periodMicros = Math.min(1_000_000, Math.max(20_000, Math.ceil(1_000 / cpus)))
  return { quotaMicros: Math.max(1_000, Math.round(cpus * periodMicros)), periodMicros }
}
