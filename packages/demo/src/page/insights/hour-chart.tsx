/** Changes by the hour as columns, oldest first; the last one is this hour. */
export function HourChart({ hours }: { readonly hours: readonly number[] }) {
  const most = Math.max(1, ...hours);
  const total = hours.reduce((sum, count) => sum + count, 0);
  const text = `${total} changes in ${hours.length} hours, ${hours.at(-1) ?? 0} of them in the last one.`;
  return (
    <figure className="hours">
      <div className="hours-bars" role="img" aria-label={text}>
        {hours.map((count, index) => (
          <span key={index} className="hour" style={{ height: `${Math.max(3, (count / most) * 100)}%` }} />
        ))}
      </div>
      <figcaption className="hours-axis" aria-hidden="true">
        <span>{hours.length} h ago</span>
        <span>now</span>
      </figcaption>
    </figure>
  );
}
