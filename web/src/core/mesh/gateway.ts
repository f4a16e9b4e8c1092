/** The name under which our gateway speaks on the mesh for all its users. */
import { agentToken } from "../text";

let token = "gateway";

export function nameGateway(name: string): void {
  token = agentToken(name);
}

/** Whether a name is that of the gateway: what goes there is for people. */
export const isGateway = (name: string): boolean => agentToken(name) === token;

/** Its token. */
export const gatewayToken = (): string => token;
