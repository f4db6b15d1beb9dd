import { useState } from "react";
import { HUES, MAX_NAME, type Person } from "../../shared/person.js";

/** What a {@link SelfForm} needs. */
export interface SelfFormProps {
  readonly self: Person;
  readonly onSave: (person: Person) => void;
  readonly onClose: () => void;
}

/** Your name tag: what the others see of you. */
export function SelfForm({ self, onSave, onClose }: SelfFormProps) {
  const [name, setName] = useState(self.name);
  const [hue, setHue] = useState(self.hue);
  return (
    <form
      className="self-form"
      onSubmit={(event) => {
        event.preventDefault();
        if (name.trim() !== "") onSave({ ...self, name: name.trim(), hue });
        onClose();
      }}
    >
      <label className="self-label">
        Your name
        <input className="field" value={name} maxLength={MAX_NAME} onChange={(event) => setName(event.target.value)} />
      </label>
      <fieldset className="hues">
        <legend>Your colour</legend>
        {HUES.map((option) => (
          <label key={option} className="hue" data-hue={option} title={option}>
            <input
              type="radio"
              name="hue"
              className="visually-hidden"
              checked={option === hue}
              aria-label={option}
              onChange={() => setHue(option)}
            />
            <span className="hue-dot" />
          </label>
        ))}
      </fieldset>
      <button type="submit" className="button is-primary" disabled={name.trim() === ""}>
        Save
      </button>
    </form>
  );
}
