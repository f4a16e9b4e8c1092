/** How much time the lanes may show. */
export const WINDOWS = [
  { id: "5000", name: "5 s" },
  { id: "12000", name: "12 s" },
  { id: "30000", name: "30 s" },
  { id: "120000", name: "2 min" },
  { id: "600000", name: "10 min" },
  { id: "3600000", name: "1 h" },
] as const;
