/** The top of a phone's screen: how things stand, the search, and the places without a tab. */
import { LogOut, Menu as MenuIcon, Search } from "lucide-react";
import { Menu, MenuItem, MenuTrigger, Popover } from "react-aria-components";
import { useLocation } from "wouter";
import { IconButton } from "@/kit";
import { openPalette } from "./CommandPalette";
import { useMesh } from "./hooks";
import { LinkState } from "./LinkState";
import { PLACES, TABS } from "./places";

const SIGN_OUT = "sign-out";

export function TopBar({ onSignOut }: { onSignOut: () => void }) {
  const mesh = useMesh();
  const [, go] = useLocation();
  const tabs = new Set(TABS.map((tab) => tab.path));
  const others = PLACES.filter((place) => !tabs.has(place.path));
  return (
    <header className="topbar">
      <img src="/favicon.svg" alt="" width={26} height={26} />
      <b>Hubbub</b>
      <LinkState />
      <IconButton label="Search" onPress={openPalette}>
        <Search size={19} />
      </IconButton>
      <MenuTrigger>
        <IconButton label="More places">
          <MenuIcon size={20} />
        </IconButton>
        <Popover className="popover" placement="bottom end">
          <Menu
            aria-label="More places"
            onAction={(key) => (key === SIGN_OUT ? onSignOut() : go(String(key)))}
          >
            {others.map(({ path, name, icon: Icon }) => (
              <MenuItem key={path} id={path} textValue={name} className="menu-item">
                <Icon size={17} aria-hidden="true" /> {name}
              </MenuItem>
            ))}
            {mesh.session.sign_in.length > 0 && (
              <MenuItem id={SIGN_OUT} textValue="Sign out" className="menu-item">
                <LogOut size={17} aria-hidden="true" /> Sign out
              </MenuItem>
            )}
          </Menu>
        </Popover>
      </MenuTrigger>
    </header>
  );
}
