/** Ctrl or Cmd-K: go anywhere, or start something, by typing a few letters of it. */
import { Hash, HelpCircle, ListChecks, MessageSquare, Play } from "lucide-react";
import { type ReactNode, useEffect } from "react";
import { Autocomplete, Input, Menu, MenuItem, SearchField, useFilter } from "react-aria-components";
import { useLocation } from "wouter";
import { isWorkflow } from "@/core/mesh/agents";
import { Slice } from "@/core/slice";
import { brief, textOf } from "@/core/text";
import { Dialog, StateBadge } from "@/kit";
import { useMesh, useSlice } from "./hooks";
import { CHANNELS, PLACES, paths } from "./places";

const isOpen = new Slice(false);
export const openPalette = (): void => isOpen.set(true);

interface Entry {
  readonly id: string;
  readonly name: string;
  readonly hint: ReactNode;
  readonly icon: ReactNode;
}

export function CommandPalette() {
  const open = useSlice(isOpen);
  useEffect(() => {
    const onKey = (event: KeyboardEvent) => {
      if (event.key.toLowerCase() !== "k" || !(event.ctrlKey || event.metaKey)) return;
      event.preventDefault();
      isOpen.set(!isOpen.value);
    };
    window.addEventListener("keydown", onKey);
    return () => window.removeEventListener("keydown", onKey);
  }, []);
  const close = () => isOpen.set(false);
  return (
    <Dialog label="Search or jump to" isOpen={open} onClose={close} width={620}>
      <Palette onDone={close} />
    </Dialog>
  );
}

function Palette({ onDone }: { onDone: () => void }) {
  const mesh = useMesh();
  const [, go] = useLocation();
  const { contains } = useFilter({ sensitivity: "base" });
  const agents = useSlice(mesh.agents.slice);
  const tasks = useSlice(mesh.tasks.slice).slice(0, 40);
  const questions = useSlice(mesh.questions.slice).filter((one) => !one.answered);
  const entries: Entry[] = [
    ...questions.slice(0, 10).map(({ task, question }) => ({
      id: paths.question(task.id, question.id),
      name: `Answer: ${brief(question.prompt || question.tool || "question", 70)}`,
      hint: task.agent,
      icon: <HelpCircle size={16} />,
    })),
    ...PLACES.map(({ path, name, icon: Icon }) => ({
      id: path,
      name,
      hint: "place",
      icon: <Icon size={16} />,
    })),
    ...CHANNELS.map(({ id, name }) => ({
      id: paths.channel(id),
      name,
      hint: "channel",
      icon: <Hash size={16} />,
    })),
    ...agents.filter(isWorkflow).map((one) => ({
      id: paths.start(one.token),
      name: `Start ${one.name}`,
      hint: "workflow",
      icon: <Play size={16} />,
    })),
    ...agents.map((one) => ({
      id: paths.direct(one.token),
      name: one.name,
      hint: "agent",
      icon: <MessageSquare size={16} />,
    })),
    ...tasks.map((one) => ({
      id: paths.task(one.id),
      name: `${one.agent}: ${brief(textOf(one.content as never) || one.id, 60)}`,
      hint: <StateBadge state={one.state} />,
      icon: <ListChecks size={16} />,
    })),
  ];
  return (
    <Autocomplete filter={contains}>
      <SearchField aria-label="Search" autoFocus className="palette-search">
        <Input placeholder="An agent, a workflow, a task, a place …" />
      </SearchField>
      <Menu
        aria-label="Found"
        items={entries}
        className="palette-list scroll"
        onAction={(key) => {
          go(String(key));
          onDone();
        }}
        renderEmptyState={() => <p className="palette-none">Nothing is called that.</p>}
      >
        {(entry) => (
          <MenuItem id={entry.id} textValue={entry.name} className="menu-item">
            {entry.icon}
            <span className="truncate">{entry.name}</span>
            <span className="palette-hint">{entry.hint}</span>
          </MenuItem>
        )}
      </Menu>
    </Autocomplete>
  );
}
