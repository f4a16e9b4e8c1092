/** Short notes on what was done, with a way back where there is one. */
import { X } from "lucide-react";
import { useEffect } from "react";
import { useSlice } from "@/app/hooks";
import { Slice } from "@/core/slice";
import { Button, IconButton } from "@/kit";

export interface Toast {
  readonly id: number;
  readonly text: string;
  readonly bad: boolean;
  readonly action: { readonly name: string; readonly run: () => void } | null;
  readonly ms: number;
}

const toasts = new Slice<readonly Toast[]>([]);
let count = 0;

/** Show a note for some seconds. */
export function toast(
  text: string,
  options: { bad?: boolean; action?: Toast["action"]; ms?: number } = {},
): void {
  count += 1;
  const { bad = false, action = null, ms = bad ? 9_000 : 5_000 } = options;
  toasts.set([...toasts.value.slice(-3), { id: count, text, bad, action, ms }]);
}

const drop = (id: number): void => toasts.set(toasts.value.filter((one) => one.id !== id));

export function Toasts() {
  return (
    <ul className="toasts" aria-live="polite" aria-label="Notes">
      {useSlice(toasts).map((one) => (
        <Note key={one.id} toast={one} />
      ))}
    </ul>
  );
}

function Note({ toast: { id, text, bad, action, ms } }: { toast: Toast }) {
  useEffect(() => {
    const timer = setTimeout(() => drop(id), ms);
    return () => clearTimeout(timer);
  }, [id, ms]);
  return (
    <li className={bad ? "bad" : ""}>
      <span>{text}</span>
      {action && (
        <Button
          onPress={() => {
            action.run();
            drop(id);
          }}
        >
          {action.name}
        </Button>
      )}
      <IconButton label="Close" onPress={() => drop(id)}>
        <X size={15} />
      </IconButton>
    </li>
  );
}
