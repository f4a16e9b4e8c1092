export function Flow() {
  return <h1>Flow</h1>;
}
