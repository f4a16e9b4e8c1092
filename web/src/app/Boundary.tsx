import { Component, type ReactNode } from "react";
import { Problem } from "@/core/problem";
import { Failure } from "@/kit";

/** Keeps the rest of the page when one view fails, and offers to put it up again. */
export class Boundary extends Component<{ children: ReactNode }, { problem: Problem | null }> {
  override state: { problem: Problem | null } = { problem: null };

  static getDerivedStateFromError(error: unknown): { problem: Problem } {
    const reason = error instanceof Error ? error.message : String(error);
    return { problem: new Problem(0, "view-failed", `This view failed: ${reason}`) };
  }

  override componentDidCatch(error: unknown): void {
    console.error(error);
  }

  override render(): ReactNode {
    const { problem } = this.state;
    if (!problem) return this.props.children;
    return <Failure problem={problem} onRetry={() => this.setState({ problem: null })} />;
  }
}
