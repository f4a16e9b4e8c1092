/** A value that is shown when it is asked for. */
import { ChevronRight } from "lucide-react";
import { Button, Disclosure, DisclosurePanel } from "react-aria-components";
import type { Json } from "@/core/protocol";
import { JsonView } from "@/kit";

export function Fold({
  label,
  value,
  isOpen = false,
}: {
  label: string;
  value: Json;
  isOpen?: boolean;
}) {
  return (
    <Disclosure className="tlog-fold" defaultExpanded={isOpen}>
      <Button slot="trigger">
        <ChevronRight size={13} aria-hidden="true" /> {label}
      </Button>
      <DisclosurePanel>
        {typeof value === "string" ? (
          <pre className="json">{value}</pre>
        ) : (
          <JsonView value={value} />
        )}
      </DisclosurePanel>
    </Disclosure>
  );
}
