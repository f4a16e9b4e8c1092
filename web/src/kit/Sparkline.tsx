/** A line without axes, as large as what it stands in. */
export function Sparkline({ values }: { values: readonly number[] }) {
  if (values.length < 2) return null;
  const most = Math.max(1, ...values);
  const points = values
    .map(
      (value, ix) =>
        `${((ix / (values.length - 1)) * 100).toFixed(1)},${(29 - (value / most) * 27).toFixed(1)}`,
    )
    .join(" ");
  return (
    <svg className="sparkline" viewBox="0 0 100 30" preserveAspectRatio="none" aria-hidden="true">
      <polyline points={points} />
    </svg>
  );
}
