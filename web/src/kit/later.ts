/** Parts of the page that come when they are needed, or before that, once there is time. */
import { type ComponentType, type LazyExoticComponent, lazy } from "react";

const loads: (() => Promise<unknown>)[] = [];

export function later<Props>(
  load: () => Promise<ComponentType<Props>>,
): LazyExoticComponent<ComponentType<Props>> {
  loads.push(load);
  return lazy(async () => ({ default: await load() }));
}

/** Load all parts, so that the page is whole when the gateway is away. What fails is loaded when it
 *  is needed. */
export async function loadAhead(): Promise<void> {
  await Promise.allSettled(loads.map((load) => load()));
}
