/** How the browser tells of something while nobody looks at the page. */

export type Permission = "granted" | "denied" | "default" | "unsupported";

export function permission(): Permission {
  return "Notification" in window ? Notification.permission : "unsupported";
}

/** Ask the person whether the browser may tell; only a press of theirs may lead here.
 *  Returns why it may not; empty if it may. */
export async function allow(): Promise<string> {
  if (permission() === "unsupported")
    return "This browser tells nothing here: it wants https, or 127.0.0.1.";
  const answer = await Notification.requestPermission();
  if (answer !== "granted") return "The browser does not allow it; its settings for this page do.";
  return tell("This is how a question is told", "Press it to go there.", "hubbub", () => {})
    ? ""
    : "This browser tells nothing of open pages.";
}

/** Tell of something. Returns whether the browser does. */
export function tell(title: string, body: string, tag: string, onPress: () => void): boolean {
  if (permission() !== "granted") return false;
  try {
    const note = new Notification(title, { body, tag, icon: "/favicon.svg" });
    note.onclick = () => {
      window.focus();
      note.close();
      onPress();
    };
    return true;
  } catch {
    return false; // phones only take them from a service worker
  }
}

const NOTES_HZ = [660, 880] as const;
const NOTE_S = 0.12;

let audio: AudioContext | undefined;

/** Play two short notes. Browsers stay silent until the page has been pressed somewhere. */
export function chime(): void {
  audio ??= new AudioContext();
  void audio.resume();
  const gain = audio.createGain();
  gain.connect(audio.destination);
  NOTES_HZ.forEach((hz, ix) => {
    if (!audio) return;
    const start = audio.currentTime + ix * NOTE_S;
    const tone = audio.createOscillator();
    tone.frequency.value = hz;
    tone.connect(gain);
    tone.start(start);
    tone.stop(start + NOTE_S);
    gain.gain.setValueAtTime(0.08, start);
    gain.gain.exponentialRampToValueAtTime(0.001, start + NOTE_S);
  });
}
