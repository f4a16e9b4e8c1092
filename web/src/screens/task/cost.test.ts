import { expect, test } from "vitest";
import { type Call, priceOf } from "./cost";

const call = (model: string, input: number, output: number) =>
  ({ model, input, output }) as unknown as Call;
const PRICES = { small: { input: 1, output: 4 } };

test("calls cost what their model does, by tokens in and out", () => {
  expect(priceOf([call("small", 1_000_000, 250_000), call("small", 500_000, 0)], PRICES)).toBe(2.5);
});

test("a model without a price leaves the sum open", () => {
  expect(priceOf([call("small", 1, 1), call("other", 1, 1)], PRICES)).toBe(null);
  expect(priceOf([], PRICES)).toBe(null);
});
