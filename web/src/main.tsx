import "@fontsource-variable/inter/wght.css";
import "@fontsource-variable/jetbrains-mono/wght.css";
import "./styles/tokens.css";
import "./styles/base.css";
import { createRoot } from "react-dom/client";
import { show } from "./app/preferences";
import { Root } from "./app/Root";

show();
const root = document.getElementById("root");
if (root) createRoot(root).render(<Root />);
