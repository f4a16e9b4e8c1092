export function DeadLetters(_: { id?: string | undefined }) {
  return <h1>DeadLetters</h1>;
}
