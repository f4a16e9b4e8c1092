import type { Theme } from "./types";

const FONT = "Inter, system-ui, sans-serif";

/** Colours for a dark page. */
export const DARK: Theme = {
  kinds: {
    request: "#5aa9ff",
    direct: "#9aa0ff",
    reply: "#3ddc97",
    completion: "#8be04e",
    tool: "#38c6d9",
    broadcast: "#d58bff",
    handoff: "#ffb224",
    question: "#ff7ac6",
    answer: "#ff9fd4",
    error: "#ff5c6a",
  },
  background: "#0a0d14",
  band: "#0e121b",
  rule: "#222b40",
  grid: "#161d2c",
  label: "#8f9bb8",
  text: "#eef2fb",
  plate: "#182033",
  now: "#6db3ff",
  beat: "#3ddc97",
  focus: "#ffffff",
  font: FONT,
  glow: true,
};

/** Colours for a light page. */
export const LIGHT: Theme = {
  kinds: {
    request: "#2068d8",
    direct: "#5b54d6",
    reply: "#0b8f5a",
    completion: "#4a8a10",
    tool: "#0b8396",
    broadcast: "#9333d6",
    handoff: "#c97400",
    question: "#c81e82",
    answer: "#a81a6d",
    error: "#d3273a",
  },
  background: "#ffffff",
  band: "#f7f9fc",
  rule: "#d9dfeb",
  grid: "#eceff6",
  label: "#5a6680",
  text: "#121826",
  plate: "#eef2fa",
  now: "#2f7be0",
  beat: "#0b8f5a",
  focus: "#121826",
  font: FONT,
  glow: false,
};
