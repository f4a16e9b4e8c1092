export function Settings(_: { onSignOut: () => void }) {
  return <h1>Settings</h1>;
}
