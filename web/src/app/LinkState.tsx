import { useMesh, useSlice } from "./hooks";

/** Whether the page hears the mesh, and how late. */
export function LinkState() {
  const { state, nats, lag, gaps } = useSlice(useMesh().link);
  const good = state === "live" && nats;
  const text = good ? `live · ${lag} ms` : state === "live" ? "NATS is away" : state;
  return (
    <span
      className={good ? "side-link live" : "side-link"}
      title={gaps === 0 ? "Nothing was left out" : `Left out, and read again: ${gaps} times`}
    >
      <i aria-hidden="true" />
      <span className="num">{text}</span>
    </span>
  );
}
