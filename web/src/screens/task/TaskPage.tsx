export function TaskPage(_: { id: string; tab: string }) {
  return <h1>TaskPage</h1>;
}
