import { useMesh, useSlice } from "@/app/hooks";

/** The name of an agent of which the token is known; the token itself if it has never been there. */
export function useAgentName(token: string): string {
  const agents = useSlice(useMesh().agents.slice);
  return agents.find((one) => one.token === token)?.name ?? token;
}
