export function StartTask(_: { agent: string }) {
  return <h1>StartTask</h1>;
}
