export function Inbox(_: { taskId?: string | undefined; questionId?: string | undefined }) {
  return <h1>Inbox</h1>;
}
